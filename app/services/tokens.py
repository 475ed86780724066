"""Tokens: the keys with which programs speak for a member of staff. Only their hashes are kept."""

import secrets
from collections.abc import Collection

from sqlalchemy import Select, select, true

from app import clock
from app.database import db, transaction
from app.errors import Forbidden, Invalid, NotFound
from app.models import ApiToken, Staff
from app.rules.access import Can, Viewer
from app.services.audit import audit
from app.vault import hash_token

LONGEST_NAME = 80  # characters


def create(viewer: Viewer, name: str, scopes: Collection[str] | None) -> tuple[int, str]:
    """A new token for the viewer's own programs: its id, and the token itself, never seen again.

    `scopes` None = everything that the viewer may do, also what is added later. Raises Forbidden
    for a right that the viewer, or the token they come with, does not have.
    """
    if scopes is None and viewer.withheld:
        raise Forbidden("The scopes of this token do not allow one without scopes. Name some.")
    if beyond := sorted({*(scopes or ())} - {*viewer.capabilities}):
        raise Forbidden(f"You cannot grant rights you do not have: {', '.join(beyond)}.")
    return _made(viewer.institution_id, viewer.staff_id, name, scopes)


def issue(email: str, name: str, scopes: Collection[str] | None) -> str:
    """A new token of this member of staff, from the command line."""
    staff = db.session.execute(
        select(Staff).where(Staff.email == email.strip().lower(), Staff.active)
    ).scalar_one_or_none()
    if staff is None:
        raise NotFound(f"There is no active member of staff with the email {email}.")
    return _made(staff.institution_id, staff.id, name, scopes)[1]


def _made(
    institution_id: int, staff_id: int, name: str, scopes: Collection[str] | None
) -> tuple[int, str]:
    if unknown := sorted({*(scopes or ())} - {*Can}):
        raise Invalid("scope", f"There is no scope {unknown[0]}.")
    token = f"rl_{secrets.token_urlsafe(32)}"
    row = ApiToken(
        institution_id=institution_id,
        staff_id=staff_id,
        name=name.strip()[:LONGEST_NAME] or "token",
        token_hash=hash_token(token),
        scopes=sorted({*scopes}) if scopes else None,
        created_at=clock.now(),
    )
    with transaction():
        db.session.add(row)
        db.session.flush()
        granted = {"name": row.name, "scopes": row.scopes}
        audit(institution_id, "token.created", f"token:{row.id}", staff_id, **granted)
        return row.id, token


def listed(viewer: Viewer, limit: int, before: int | None = None) -> list[tuple[ApiToken, Staff]]:
    """The institution's tokens that are in force, with whom each speaks for, newest first."""
    rows = db.session.execute(
        _in_force(viewer)
        .where(ApiToken.id < before if before else true())
        .order_by(ApiToken.id.desc())
        .limit(limit)
    )
    return [(token, staff) for token, staff in rows]


def one(viewer: Viewer, token_id: int) -> tuple[ApiToken, Staff]:
    found = db.session.execute(_in_force(viewer).where(ApiToken.id == token_id)).first()
    if found is None:
        raise NotFound("There is no such token.")
    return found[0], found[1]


def revoke(viewer: Viewer, token_id: int) -> None:
    """End a token, one's own or a colleague's: at once, also on open sockets within 5 s (I23)."""
    with transaction():
        token, _ = one(viewer, token_id)
        token.revoked_at = clock.now()
        audit(
            viewer.institution_id,
            "token.revoked",
            f"token:{token_id}",
            viewer.staff_id,
            name=token.name,
            holder=token.staff_id,
        )


def _in_force(viewer: Viewer) -> Select[ApiToken, Staff]:
    return (
        select(ApiToken, Staff)
        .join(Staff, Staff.id == ApiToken.staff_id)
        .where(ApiToken.institution_id == viewer.institution_id, ApiToken.revoked_at.is_(None))
    )
