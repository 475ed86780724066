"""Ends: the messages whose phone, sender or destination is what somebody looks for (S4-9, S3-44).

Some of a number's digits, wherever they stand, or the beginnings of the words of a name; an address
of email by a part of it. A number is looked for among the numbers first: they are few beside the
messages, and most of what is typed leaves a handful.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select

from app.database import db, has_word
from app.models import ContactNumber, Direction, Message, Person, SenderNumber, Staff
from app.rules import search
from app.rules.access import Viewer
from app.rules.dispatch import Channel

FEW = 500  # numbers that are looked for by an index; of more, messages are soon found in order

_IN = Message.direction == Direction.INBOUND
_OUT = Message.direction == Direction.OUTBOUND


@dataclass(frozen=True, slots=True)
class Found:
    """Which messages. `few`: of so few phones or people that an index brings them at once."""

    where: ColumnElement[bool]
    few: bool = False


def other_side(viewer: Viewer, typed: str) -> Found:
    """Messages with this phone, or with somebody of this name, in and out."""
    digits = _digits(typed)
    if digits:
        return _with_number(viewer, digits)
    if "@" in typed:
        address = typed.strip().lower()
        return Found(and_(_OUT, Message.to_address.contains(address, autoescape=True)))
    return _with_name(viewer, typed)


def sent_from(viewer: Viewer, typed: str) -> ColumnElement[bool]:
    """What a member of staff, or a number of ours, sent; what came from a phone or a person."""
    ours = _ours(viewer, typed)
    return or_(and_(_OUT, ours), and_(_IN, other_side(viewer, typed).where))


def sent_to(viewer: Viewer, typed: str) -> ColumnElement[bool]:
    """What went to a phone, a person or an address; what came in to a number of ours."""
    digits = _digits(typed)
    inbound = _of_number(viewer, digits) if digits else false()
    return or_(and_(_OUT, other_side(viewer, typed).where), and_(_IN, inbound))


def _digits(typed: str) -> str:
    """Of what can be a part of a number; "" for a name."""
    found = search.digits(typed)
    return found if found and not any(c.isalpha() for c in typed) else ""


def _with_number(viewer: Viewer, digits: str) -> Found:
    found = _some(
        select(ContactNumber.id).where(
            ContactNumber.institution_id == viewer.institution_id,
            ContactNumber.e164.contains(digits),
        )
    )
    if len(found) <= FEW:
        return Found(Message.contact_number_id.in_(found), few=True)
    sent = and_(_OUT, Message.channel == Channel.SMS, Message.to_address.contains(digits))
    return Found(or_(sent, and_(_IN, Message.from_address.contains(digits))))


def _with_name(viewer: Viewer, typed: str) -> Found:
    words = search.folded(typed).split()[: search.MOST_TERMS]
    if not words:
        return Found(false())
    named = select(Person.id).where(
        Person.institution_id == viewer.institution_id,
        *(has_word(Person, word) for word in words),
    )
    found = _some(named)
    if len(found) <= FEW:
        return Found(Message.person_id.in_(found), few=True)
    return Found(Message.person_id.in_(named))


def _ours(viewer: Viewer, typed: str) -> ColumnElement[bool]:
    if digits := _digits(typed):
        return _of_number(viewer, digits)
    words = search.folded(typed).split()[: search.MOST_TERMS]
    staff = db.session.execute(
        select(Staff.id, Staff.name, Staff.email).where(
            Staff.institution_id == viewer.institution_id
        )
    )
    wrote = [id_ for id_, name, email in staff if words and _named(words, f"{name} {email}")]
    return Message.staff_id.in_(wrote)


def _named(words: list[str], name: str) -> bool:
    theirs = search.folded(name).split()
    return all(any(part.startswith(word) for part in theirs) for word in words)


def _of_number(viewer: Viewer, digits: str) -> ColumnElement[bool]:
    """With a number of ours on our end."""
    return Message.sender_number_id.in_(
        select(SenderNumber.id).where(
            SenderNumber.institution_id == viewer.institution_id, SenderNumber.e164.contains(digits)
        )
    )


def _some(ids: Any) -> list[int]:
    return list(db.session.execute(ids.limit(FEW + 1)).scalars())
