"""Passwords: the links by mail with which somebody chooses one, and changing one's own.

Only the hash of a link is kept; it works once, until it expires, and the latest one of its purpose
alone.
"""

import secrets
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import func, select, update

from app import clock
from app.config import Settings
from app.database import LOCK, db, retrying, transaction
from app.errors import Conflict, Invalid, NotFound
from app.models import Institution, PasswordLink, Purpose, Staff
from app.rules import words
from app.rules.access import Viewer
from app.rules.texts import fill
from app.services import emails, org_units, sessions, staff
from app.services.audit import audit
from app.services.staff import check_password
from app.vault import hash_password, hash_token, password_matches

GOOD_FOR = {Purpose.INVITE: timedelta(days=7), Purpose.RESET: timedelta(hours=1)}
MOST_ASKED = 3  # links in an hour for one address that asks for them
_ASKING_TAKES = 0.3  # seconds; more than writing the mail, so that the time tells nothing, either


# Links


def write_link(to: Staff, purpose: Purpose, by: str = "") -> None:
    """Mail a new link to this member of staff, in the open transaction; it ends the one before.

    `by`: who invites them.
    """
    institution = db.session.get_one(Institution, to.institution_id)
    settings: Settings = current_app.config["SETTINGS"]
    _end_links(to.id, purpose)
    token, now = secrets.token_urlsafe(32), clock.now()
    until = now + GOOD_FOR[purpose]
    db.session.add(
        PasswordLink(
            institution_id=institution.id,
            staff_id=to.id,
            purpose=purpose,
            token_hash=hash_token(token),
            created_at=now,
            expires_at=until,
        )
    )
    subject, body = words.PASSWORD_MAILS[purpose.value]
    fields = {
        "by": by,
        "institution": institution.name,
        "name": to.name,
        "link": f"{settings.public}/password/{token}",
        "until": _shown(until, to.timezone or institution.timezone),
    }
    subject, body = fill(subject, fields), fill(body, fields)
    emails.add(institution.id, emails.LINK, to.email, institution.name, subject, body, now)


def _shown(at: datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime("%-I:%M %p on %B %-d")


def _end_links(staff_id: int, *purposes: Purpose) -> None:
    db.session.execute(
        update(PasswordLink)
        .where(
            PasswordLink.staff_id == staff_id,
            PasswordLink.used_at.is_(None),
            PasswordLink.purpose.in_(purposes),
        )
        .values(used_at=clock.now())
    )


def end_links(staff_id: int) -> None:
    """None that was sent to this member of staff works any more; in the open transaction."""
    _end_links(staff_id, *Purpose)


def invite(
    viewer: Viewer, email: str, name: str, role_names: list[str], unit_id: int | None = None
) -> int:
    """A login without a password, and a mail to choose one; the staff id. Raises as
    `staff.create`, and Invalid where there is no such org unit."""
    with transaction():
        org_units.require(viewer, unit_id)
        made = staff.add(viewer.institution_id, email, name, role_names, "", viewer, unit_id)
        write_link(made, Purpose.INVITE, viewer.name)
        staff.announce(made)
        return made.id


@retrying
def send_link(viewer: Viewer, staff_id: int) -> Staff:
    """A new link for a colleague: to the invited the invitation again, to others a reset.

    Raises Conflict for who is deactivated.
    """
    with transaction():
        to = staff.one(viewer, staff_id)
        if not to.active:
            raise Conflict(f"{to.name} is deactivated. Reactivate the account first.")
        purpose = Purpose.RESET if to.password_hash else Purpose.INVITE
        write_link(to, purpose, viewer.name)
        sent = {"purpose": purpose.value}
        audit(to.institution_id, "password.link_sent", f"staff:{to.id}", viewer.staff_id, **sent)
    return to


def ask(email: str) -> None:
    """Somebody says on the sign-in page that they forgot their password: a link to that address,
    where it is somebody's. Nothing tells whether it is, neither an answer nor its time."""
    began = time.monotonic()
    _write_asked(email.strip().lower())
    time.sleep(max(0.0, began + _ASKING_TAKES - time.monotonic()))


@retrying
def _write_asked(address: str) -> None:
    since = clock.now() - timedelta(hours=1)
    with transaction():
        to = db.session.execute(
            select(Staff).where(Staff.email == address, Staff.active).with_for_update(**LOCK)
        ).scalar_one_or_none()
        if to is None or _sent_since(to.id, since) >= MOST_ASKED:
            return
        write_link(to, Purpose.RESET)
        audit(to.institution_id, "password.asked", f"staff:{to.id}", to.id)


def _sent_since(staff_id: int, since: datetime) -> int:
    return db.session.execute(
        select(func.count())
        .select_from(PasswordLink)
        .where(
            PasswordLink.staff_id == staff_id,
            PasswordLink.purpose == Purpose.RESET,
            PasswordLink.created_at > since,
        )
    ).scalar_one()


# Choosing and changing


def owner_of(token: str) -> tuple[int, Staff]:
    """Whose link this is, as (its id, them). Raises NotFound where it does not, or no longer,
    work."""
    row = db.session.execute(
        select(PasswordLink.id, Staff)
        .join(Staff, Staff.id == PasswordLink.staff_id)
        .where(
            PasswordLink.token_hash == hash_token(token),
            PasswordLink.used_at.is_(None),
            PasswordLink.expires_at > clock.now(),
            Staff.active,
        )
    ).first()
    if row is None:
        raise NotFound("This link does not work any more.")
    return row[0], row[1]


def choose(token: str, password: str) -> None:
    """Set the password of whoever got this link, once. They are signed out everywhere."""
    link_id, _ = owner_of(token)
    check_password(password)
    db.session.rollback()  # nothing is held while we hash
    hashed = hash_password(password)
    with transaction():
        used = db.session.execute(
            update(PasswordLink)
            .where(PasswordLink.id == link_id, PasswordLink.used_at.is_(None))
            .values(used_at=clock.now())
            .returning(PasswordLink.staff_id)
        ).scalar_one_or_none()
        to = db.session.get(Staff, used) if used else None
        if to is None or not to.active:
            raise NotFound("This link does not work any more.")
        _set(to, hashed, "password.chosen")
        sessions.end_logins(to.id)


def _set(whose: Staff, hashed: str, action: str) -> None:
    whose.password_hash = hashed
    end_links(whose.id)
    audit(whose.institution_id, action, f"staff:{whose.id}", whose.id)
    staff.announce(whose)


def change(viewer: Viewer, old: str, new: str, login_id: int) -> None:
    """Change one's own password, by who knows the old one. Other browsers are signed out."""
    known = staff.one(viewer, viewer.staff_id).password_hash
    db.session.rollback()  # nothing is held while we hash
    if not password_matches(known, old):
        raise Invalid("old", "This is not your password.")
    check_password(new)
    hashed = hash_password(new)
    with transaction():
        _set(staff.one(viewer, viewer.staff_id), hashed, "password.changed")
        sessions.end_logins(viewer.staff_id, but=(login_id,))
