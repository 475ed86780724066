"""Vault: secrets at rest. Passwords and tokens as hashes; what is read again, encrypted."""

import hashlib
import secrets
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from flask import current_app

from app.config import Settings
from app.errors import Forbidden
from app.threads import in_thread


def hash_password(password: str) -> str:
    settings: Settings = current_app.config["SETTINGS"]
    hasher = PasswordHasher(memory_cost=settings.timing.password_memory)
    return in_thread(hasher.hash, password)


def password_matches(hashed: str, password: str) -> bool:
    try:
        return in_thread(PasswordHasher().verify, hashed, password)  # as it was hashed
    except (Argon2Error, InvalidHashError):
        return False


@lru_cache(maxsize=1)
def hash_of_nobody() -> str:
    """A hash to compare with where the account does not exist, so that both take the same time."""
    return hash_password(secrets.token_urlsafe())


def _vault() -> MultiFernet:
    settings: Settings = current_app.config["SETTINGS"]
    return MultiFernet([Fernet(key) for key in settings.encryption_keys])


def encrypt(secret: str) -> str:
    return _vault().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """Raises Forbidden where the secret was encrypted with a key that is no longer set."""
    try:
        return _vault().decrypt(stored.encode()).decode()
    except InvalidToken:
        raise Forbidden(
            "A stored secret cannot be read: its ENCRYPTION_KEYS entry is gone."
        ) from None


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
