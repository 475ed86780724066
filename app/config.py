"""Config: every setting, with its name, type, unit and default.

Read once, at start, from the environment. A wrong setting stops the start with a readable list
(`load`). What belongs to one institution is not here but in its row, edited on a page.
"""

import json
import os
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
SAMPLE_SECRETS = ("changeme", "change-me", "change_me", "your-secret", "your_secret", "example")
SHORTEST_SECRET = 32  # characters
DEMO_SENDER = "Replyline <no-reply@replyline.example>"


class ConfigError(Exception):
    """The settings cannot be used; str() lists every problem, one a line."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Every wait, in seconds unless it says otherwise. Tests use shorter ones; one pins these."""

    call_deadline: float = 6.0  # one call to a provider, connect to last byte (D14)
    stop_wait: float = 8.0  # how long a STOP waits for calls on the wire; more than call_deadline
    lease: float = 30.0  # a claimed row is free again after this; more than call_deadline
    release_every: float = 2.0  # looks for texts whose time has come
    sweep_every: float = 15.0
    delivery_job: float = 60.0  # a delivery job works this long at most, then rings itself
    validity: float = 4 * 3600.0  # a text not taken by then is not sent stale (D38)
    unreachable_retries: tuple[float, ...] = (900.0, 3600.0)  # waits after each 30003 (D19)
    pace: float = 1.0  # between two texts of one number of ours, as long codes are carried
    busy_retry: float = 5.0  # the provider said 429 without Retry-After, or was not reached
    breaker_first: float = 15.0  # rest after calls without a clear answer; doubles (F34)
    breaker_longest: float = 300.0
    # After the call: looks for a text whose answer was lost, and for one without a report. After
    # the last it was never taken, or has timed out (reliability 3.2, F45).
    settle_looks: tuple[float, ...] = (15.0, 60.0, 300.0, 900.0)
    report_looks: tuple[float, ...] = (600.0, 3600.0, 86_400.0, 259_200.0)
    beat_every: float = 5.0  # a web process says that it can store what comes in
    outage: float = 15.0  # without a beat for so long, texts may have been missed (D42)
    import_every: float = 600.0  # the provider is asked for texts that did not reach us (I3)
    import_overlap: float = 300.0  # so far before the last time: its list may lag, its clock differ
    import_lease: float = 60.0  # 500 rows of people, or their removal, take no longer
    mail_first_wait: float = 15.0  # the mail server said later; doubles with every try
    mail_longest_wait: float = 1800.0
    mail_give_up: float = 24 * 3600.0  # an email not taken by then has failed
    hook_every: float = 2.0  # looks for events that other systems are to be told
    hook_deadline: float = 10.0  # one call to another system
    hook_first_wait: float = 15.0  # it did not take an event; doubles with every try
    hook_longest_wait: float = 1800.0
    hook_give_up: float = 24 * 3600.0  # an event not taken by then is given up
    unseen_before_notice: float = 120.0  # no browser of the holder for this long (S3-16)
    live_poll: float = 5.0  # the live reader looks this often without a bell
    live_ping: float = 25.0
    api_per_minute: int = 600  # requests of one token
    quick_failure: float = 5.0  # a process that lasted less failed quickly; five such end `up`
    password_memory: int = 65_536  # KiB that hashing a password takes: a tenth of a second

    def problems(self) -> list[str]:
        found = []
        if not self.call_deadline < self.stop_wait:
            found.append("Timing: call_deadline must be shorter than stop_wait (D14)")
        if not self.call_deadline < self.lease:
            found.append("Timing: call_deadline must be shorter than lease")
        if not self.beat_every < self.outage:
            found.append("Timing: beat_every must be shorter than outage")
        return found


class Place(BaseSettings):
    """Where this installation is: what must be known before its secrets can be looked for."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    var_dir: Path = ROOT / "var"  # everything written on this machine
    port: int = Field(8000, ge=1, le=65535)
    public_url: str = ""  # "" = http://127.0.0.1:PORT

    @field_validator("var_dir")
    @classmethod
    def _means_the_same_from_everywhere(cls, var_dir: Path) -> Path:
        return var_dir.absolute()

    @field_validator("public_url")
    @classmethod
    def _is_https_or_loopback(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in {"http", "https"} or not parts.hostname):
            raise ValueError("must be an address such as https://texts.example.edu")
        if url and parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise ValueError("must begin with https:// (only a loopback address may use http://)")
        return url.rstrip("/")

    @property
    def public(self) -> str:
        return self.public_url or f"http://127.0.0.1:{self.port}"

    @property
    def on_loopback(self) -> bool:
        return urlsplit(self.public).hostname in LOOPBACK


class Settings(Place):
    """The environment of one process. Times are seconds unless the name says otherwise."""

    database_url: str = Field("", repr=False)  # "" = SQLite in var_dir
    redis_url: str = Field("", repr=False)  # "" = the embedded one, on a socket in var_dir
    secret_key: str = Field("", repr=False)
    # Fernet keys, newest first
    encryption_keys: Annotated[tuple[str, ...], NoDecode] = Field((), repr=False)
    mail_url: str = Field("", repr=False)  # smtp://user:pass@host:587?tls=starttls
    mail_from: str = ""
    proxy_hops: int = Field(0, ge=0)
    demo: bool = (
        False  # set by `up --demo` for its processes: the sign-in page shows the demo logins
    )
    metrics_token: str = Field("", repr=False)
    log_format: Literal["", "console", "json"] = ""
    timing: Timing = Timing()

    @field_validator("encryption_keys", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(key.strip() for key in value.split(",") if key.strip())

    @field_validator("encryption_keys")
    @classmethod
    def _are_fernet_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            Fernet(key)
        return keys

    @field_validator("database_url")
    @classmethod
    def _is_known_database(cls, url: str) -> str:
        if url and not url.startswith(("postgresql+psycopg://", "sqlite:///")):
            raise ValueError("must begin with postgresql+psycopg:// or sqlite:///")
        return url

    @field_validator("redis_url")
    @classmethod
    def _is_redis(cls, url: str) -> str:
        if url and not url.startswith(("redis://", "rediss://", "unix://")):
            raise ValueError("must begin with redis://, rediss:// or unix://")
        return url

    @field_validator("mail_url")
    @classmethod
    def _is_smtp(cls, url: str) -> str:
        if url and (urlsplit(url).scheme != "smtp" or not urlsplit(url).hostname):
            raise ValueError("must look like smtp://user:pass@host:587?tls=starttls")
        return url

    @model_validator(mode="after")
    def _secrets_are_secret(self) -> "Settings":
        problems = self.timing.problems()
        if not self.secret_key:
            problems.append("SECRET_KEY is missing: set 32 or more random characters")
        elif len(self.secret_key) < SHORTEST_SECRET or any(
            sample in self.secret_key.lower() for sample in SAMPLE_SECRETS
        ):
            problems.append("SECRET_KEY is too short or a sample: set 32 or more random characters")
        if not self.encryption_keys:
            problems.append("ENCRYPTION_KEYS is missing: set at least one Fernet key")
        if self.demo and not self.on_loopback:
            problems.append("DEMO is for loopback alone")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.var_dir / 'replyline.sqlite3'}"

    @property
    def redis_socket(self) -> Path:
        return self.var_dir / "redis.sock"

    @property
    def redis(self) -> str:
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def secure_cookies(self) -> bool:
        return self.public.startswith("https://")

    @property
    def carrier_port(self) -> int:
        return self.port + 1

    @property
    def mailbox_port(self) -> int:
        return self.port + 2

    @property
    def smtp_port(self) -> int:
        return self.port + 3

    def environment(self) -> dict[str, str]:
        """These settings as environment variables, for a process started by this one."""
        values = self.model_dump(exclude={"encryption_keys", "timing"})
        return {
            **{name.upper(): str(value) for name, value in values.items()},
            "ENCRYPTION_KEYS": ",".join(self.encryption_keys),
            "TIMING": json.dumps(asdict(self.timing)),
        }


def load(**overrides: object) -> Settings:
    """The settings of this process: `overrides`, else the environment, else the defaults.

    On loopback, secrets missing from the environment are the ones that `up` keeps in VAR_DIR, so
    that a command typed beside a running demo means the same installation.
    Raises ConfigError with one line per problem, naming the variable.
    """
    place = _read(Place, overrides)
    kept = place.var_dir if place.on_loopback and place.var_dir.is_dir() else None
    return _read(Settings, {**overrides, "_secrets_dir": kept})


def load_for_up(*, port: int | None = None, demo: bool = False) -> Settings:
    """The settings of `replyline up`: on loopback it makes its own secrets, a demo its own mailbox.

    Raises ConfigError.
    """
    given: dict[str, object] = {} if port is None else {"port": port}
    place = _read(Place, given)
    if place.on_loopback:
        loopback_secrets(place.var_dir)
    elif demo:
        raise ConfigError(f"--demo is for this machine alone, but PUBLIC_URL is {place.public}")
    settings = load(**given)
    if demo:
        mailbox = {
            "mail_url": settings.mail_url or f"smtp://127.0.0.1:{settings.smtp_port}",
            "mail_from": settings.mail_from or DEMO_SENDER,
            "demo": True,
        }
        return settings.model_copy(update=mailbox)
    if not (settings.mail_url and settings.mail_from):
        raise ConfigError("MAIL_URL and MAIL_FROM are missing: texts that cannot go become emails")
    return settings


_Read = TypeVar("_Read", bound=Place)


def _read(kind: type[_Read], values: Mapping[str, object]) -> _Read:
    try:
        return kind(**values)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigError("\n".join(_readable(problem) for problem in error.errors())) from None


def _readable(problem: Mapping[str, object]) -> str:
    name = ".".join(str(part) for part in problem["loc"]).upper()  # type: ignore[attr-defined]
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{name}: {message}" if name else message.replace("; ", "\n")


def loopback_secrets(var_dir: Path) -> dict[str, str]:
    """SECRET_KEY and ENCRYPTION_KEYS for loopback: made once, kept in `var_dir`, ours alone."""
    var_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    return {
        "SECRET_KEY": _kept(var_dir / "secret_key", secrets.token_urlsafe(48)),
        "ENCRYPTION_KEYS": _kept(var_dir / "encryption_keys", Fernet.generate_key().decode()),
    }


def _kept(path: Path, made: str) -> str:
    """The secret in `path`, which becomes `made` if there is none; another process may race us."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(made)
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


def console_logs(settings: Settings) -> bool:
    """Whether log lines are for a person's eyes (a terminal) or for a machine (JSON)."""
    return settings.log_format == "console" or (not settings.log_format and sys.stderr.isatty())
