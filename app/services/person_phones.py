"""Person phones: every number ever saved for a person, and every number of ours that a member of
staff ever held, as rows for other systems (S3-35..S3-39). Deleted ones are kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import contains_eager

from app.database import db, has_word
from app.models import Assignment, Person, PersonPhone, SenderNumber, Staff
from app.rules.access import Viewer
from app.rules.consent import SmsStatus
from app.rules.phones import PhoneType
from app.rules.search import Term, terms
from app.services import exporting
from app.services.finding import number_ends

PAGE = 50
_SOURCE = "REPLYLINE"  # the end of every id that other systems know a row of ours by
_SYSTEM_SOURCE = f"{_SOURCE}.SMS"


class Part(StrEnum):
    """The two tables whose rows these are, in the order of the list."""

    SYSTEM = "system"  # a number of ours, and who held it
    PHONE = "phone"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list a row stands: what comes after it is the next page."""

    part: Part
    id: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for. `deleted` None: whether or not. `q`: the words of a name or of a source
    id, or the end of a number."""

    q: str = ""
    type: PhoneType | None = None
    deleted: bool | None = None
    person_id: int | None = None

    @property
    def said(self) -> dict[str, Any]:
        """What is set, as an audit entry keeps it."""
        found = {
            "q": self.q or None,
            "type": self.type and self.type.value,
            "deleted": self.deleted,
            "person": self.person_id,
        }
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Row:
    """`id`: of the phone, or of the assignment of a number of ours. `deleted_at`: when it was taken
    from the person."""

    part: Part
    id: int
    number: str
    type: PhoneType
    sms_status: SmsStatus
    verified_at: datetime | None
    verified_by: int | None
    deleted_at: datetime | None
    person_id: int
    person: str
    person_source_id: str | None

    @property
    def src_system_id(self) -> str:
        """Whose end tells our own numbers from those of people (S3-35)."""
        source = _SYSTEM_SOURCE if self.part is Part.SYSTEM else f"{_SOURCE}.PHONE"
        return f"{self.id}.{source}"

    @property
    def phone_type_src_system_id(self) -> str:
        """S3-36"""
        return f"{_SOURCE}.{self.type.value.upper()}"

    @property
    def text_msg_only(self) -> bool:
        """A number of ours takes no calls (S3-33)."""
        return self.part is Part.SYSTEM

    @property
    def deleted(self) -> bool:
        return self.deleted_at is not None

    @property
    def place(self) -> Place:
        return Place(self.part, self.id)


def page(
    viewer: Viewer, wanted: Wanted, *, limit: int = PAGE, after: Place | None = None
) -> list[Row]:
    """Our numbers first, then the phones of people; of each the newest first."""
    rows: list[Row] = []
    if after is None or after.part is Part.SYSTEM:
        if wanted.type in (None, PhoneType.SYSTEM):
            rows = _system(viewer, wanted, limit, after.id if after else None)
        after = None
    if len(rows) < limit and wanted.type is not PhoneType.SYSTEM:
        rows += _phones(viewer, wanted, limit - len(rows), after.id if after else None)
    return rows


def export(viewer: Viewer, wanted: Wanted) -> Iterator[Row]:
    """All that is looked for, read bit by bit; that it was exported is written down."""
    exporting.write_down(viewer, "person_phones.exported", wanted.said)
    return exporting.every(lambda after: page(viewer, wanted, limit=exporting.BATCH, after=after))


# Numbers of ours


def _system(viewer: Viewer, wanted: Wanted, limit: int, before: int | None) -> list[Row]:
    found: Any = (
        select(Assignment.id, Assignment.ended_at, SenderNumber.e164, Person)
        .join(SenderNumber, SenderNumber.id == Assignment.sender_number_id)
        .join(Staff, Staff.id == Assignment.staff_id)
        .join(Person, Person.id == Staff.person_id)
        .where(Assignment.institution_id == viewer.institution_id)
        .where(*_terms(wanted.q, lambda digits: SenderNumber.e164.endswith(digits)))
    )
    found = _narrowed(found, wanted, Assignment.id, Assignment.ended_at, before).limit(limit)
    return [
        Row(
            Part.SYSTEM,
            id_,
            e164,
            PhoneType.SYSTEM,
            SmsStatus.DEFAULT,
            None,
            None,
            ended_at,
            person.id,
            person.name,
            person.source_id,
        )
        for id_, ended_at, e164, person in db.session.execute(found)
    ]


# Phones of people


def _phones(viewer: Viewer, wanted: Wanted, limit: int, before: int | None) -> list[Row]:
    found: Any = (
        select(PersonPhone, Person)
        .join(PersonPhone.contact_number)
        .join(Person, Person.id == PersonPhone.person_id)
        .options(contains_eager(PersonPhone.contact_number))
        .where(PersonPhone.institution_id == viewer.institution_id)
        .where(*_terms(wanted.q, number_ends))
    )
    if wanted.type is not None:
        found = found.where(PersonPhone.type == wanted.type)
    found = _narrowed(found, wanted, PersonPhone.id, PersonPhone.removed_at, before).limit(limit)
    return [
        Row(
            Part.PHONE,
            phone.id,
            phone.contact_number.e164,
            phone.type,
            phone.contact_number.status,
            phone.verified_at,
            phone.verified_by,
            phone.removed_at,
            person.id,
            person.name,
            person.source_id,
        )
        for phone, person in db.session.execute(found)
    ]


# What both are narrowed by


def _narrowed(found: Any, wanted: Wanted, id_: Any, deleted_at: Any, before: int | None) -> Any:
    """The statement `found`, the newest first."""
    if wanted.deleted is not None:
        found = found.where(deleted_at.is_not(None) if wanted.deleted else deleted_at.is_(None))
    if wanted.person_id is not None:
        found = found.where(Person.id == wanted.person_id)
    if before is not None:
        found = found.where(id_ < before)
    return found.order_by(id_.desc())


def _terms(q: str, ends: Callable[[str], ColumnElement[bool]]) -> list[Any]:
    """Each term is in the words of the person or at the end of the number; `ends` says how the
    latter is asked. What holds no word is found nowhere."""
    if not q.strip():
        return []
    return [_matches(term, ends) for term in terms(q)] or [false()]


def _matches(term: Term, ends: Callable[[str], ColumnElement[bool]]) -> ColumnElement[bool]:
    by_word = has_word(Person, term.word)
    return or_(by_word, ends(term.digits)) if term.digits else by_word
