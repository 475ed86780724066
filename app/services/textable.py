"""Textable: how many people would get texts under other defaults, counted before they are saved
(S3-4..S3-10)."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from app.database import db
from app.models import ContactNumber, Institution, Person, PersonKind, PersonPhone
from app.rules.access import Viewer
from app.rules.consent import SmsStatus
from app.rules.phones import PhoneType
from app.rules.recipient import Defaults


@dataclass(frozen=True, slots=True)
class Standards:
    """What decides about numbers that nobody has chosen for: for staff, and for everybody else
    (D8)."""

    student_opted_in: bool
    staff_opted_in: bool
    phone_type: PhoneType

    def of(self, kind: PersonKind) -> Defaults:
        opted_in = self.staff_opted_in if kind is PersonKind.STAFF else self.student_opted_in
        return Defaults(opted_in, self.phone_type)


@dataclass(frozen=True, slots=True)
class Shift:
    """How many people become textable, and how many stop being so."""

    gained: int
    lost: int


def standards_of(institution: Institution) -> Standards:
    return Standards(
        institution.student_opted_in, institution.staff_opted_in, institution.default_phone_type
    )


def current(viewer: Viewer) -> Standards:
    return standards_of(db.session.get_one(Institution, viewer.institution_id))


def shift(viewer: Viewer, old: Standards, new: Standards) -> Shift:
    """What a change of the standards does to people, by the rule that chooses a phone
    (`rules.recipient`), asked of all of them in one query."""
    if old == new:
        return Shift(0, 0)
    chosen = _any(_is_chosen())
    found: Any = (
        select(
            Person.kind.label("kind"),
            chosen.label("enabled"),
            _any(_is_default(old.phone_type)).label("before"),
            _any(_is_default(new.phone_type)).label("after"),
        )
        .join(PersonPhone, PersonPhone.person_id == Person.id)
        .join(ContactNumber, ContactNumber.id == PersonPhone.contact_number_id)
        .where(
            Person.institution_id == viewer.institution_id,
            PersonPhone.removed_at.is_(None),
            PersonPhone.type != PhoneType.SYSTEM,
            ContactNumber.disabled_by.is_(None),
            _can_be_answered(),
        )
        .group_by(Person.id, Person.kind)
        .having(chosen == 0)  # whoever was asked is texted under any standard
        .subquery()
    )
    before = _textable(found.c.kind, found.c.before, old)
    after = _textable(found.c.kind, found.c.after, new)
    gained, lost = db.session.execute(
        select(_count(and_(after, ~before)), _count(and_(before, ~after))).select_from(found)
    ).one()
    return Shift(int(gained or 0), int(lost or 0))


def _is_chosen() -> ColumnElement[bool]:
    return ContactNumber.status == SmsStatus.ENABLED


def _is_default(kind: PhoneType) -> ColumnElement[bool]:
    return and_(ContactNumber.status != SmsStatus.ENABLED, PersonPhone.type == kind)


def _any(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.max(case((holds, 1), else_=0))


def _count(holds: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((holds, 1), else_=0))


def _textable(kind: Any, has_default: Any, standards: Standards) -> ColumnElement[bool]:
    staff = kind == PersonKind.STAFF
    opted = [
        of
        for of, opted_in in (
            (staff, standards.staff_opted_in),
            (~staff, standards.student_opted_in),
        )
        if opted_in
    ]
    return and_(has_default == 1, or_(*opted) if opted else has_default != 1)


def _can_be_answered() -> ColumnElement[bool]:
    """`rules.phones.is_e164`, in words that both databases know."""
    digits = func.substr(ContactNumber.e164, 2)
    return and_(
        ContactNumber.e164.like("+%"),
        func.length(digits).between(7, 15),
        func.ltrim(digits, "0123456789") == "",
        func.substr(digits, 1, 1) != "0",
        ContactNumber.e164 != "+266696687",
    )
