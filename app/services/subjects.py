"""Subjects: the things that the audit log is about ("staff:5"): what they are called, whose they
are, and which of them have a name."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Select, String, and_, cast, literal, or_, select, union_all
from sqlalchemy.orm import aliased

from app.database import db
from app.models import (
    ApiToken,
    AuditEntry,
    ContactNumber,
    Conversation,
    Hook,
    Institution,
    OrgUnit,
    Person,
    PersonPhone,
    Role,
    SenderNumber,
    Staff,
    StandardText,
)
from app.rules.access import Viewer, Whose
from app.rules.audit_log import PERSON_FIELD, STAFF_FIELDS, Names
from app.rules.phones import pretty
from app.rules.search import Term, folded, tail, terms
from app.services import people

_FULL_NAME = Person.given_name + " " + Person.family_name

# Those that were removed have no page.
_UNIT: Any = aliased(OrgUnit, select(OrgUnit).where(OrgUnit.removed_at.is_(None)).subquery())

# Tables that are small enough to be looked through, and what their rows are called.
_SMALL: dict[str, tuple[Any, Any]] = {
    "staff": (Staff, Staff.name),
    "role": (Role, Role.name),
    "org_unit": (_UNIT, _UNIT.name),
    "api_token": (ApiToken, ApiToken.name),
    "standard_text": (StandardText, StandardText.title),
    "number": (SenderNumber, SenderNumber.e164),
    "hook": (Hook, Hook.url),
}
_PREFIX = {"api_token": "token", "hook": "webhook"}  # where a subject is not called as its table


@dataclass(frozen=True, slots=True)
class Subject:
    """`table`: as the subject has it. `owner`: the person whose it is, as (id, name). `whose`: of
    a conversation."""

    table: str
    id: int
    name: str
    owner: tuple[int, str] | None = None
    whose: Whose | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What the ids of some entries are called."""

    subjects: dict[str, Subject]
    staff: dict[int, str] = field(default_factory=dict)
    people: dict[int, str] = field(default_factory=dict)

    def names(self, subject: str, version: int | None) -> Names:
        found = self.subjects.get(subject)
        name = found.name if found else _gone(subject)
        of = found.owner[1] if found and found.owner else ""
        return Names(name, of, self.staff, self.people, version)


_GONE = {"conversation": "somebody", "contact_number": "a number", "person_phone": "a number"}


def _gone(subject: str) -> str:
    """What is not there any more, or is of a kind that nothing here knows: "campaign 5"."""
    table, _, row = subject.partition(":")
    return _GONE.get(table) or f"{table.replace('_', ' ')} {row}".strip()


# What they are called


def of(viewer: Viewer, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> Known:
    """The names in these entries, given as (subject, detail): in three queries, however many."""
    ids: dict[str, set[int]] = defaultdict(set)
    for subject, detail in entries:
        table, _, row = subject.partition(":")
        if row.isascii() and row.isdigit():
            ids[table].add(int(row))
        fields = {**detail, **(detail.get("filter") or {})}
        ids["staff"] |= {v for k, v in fields.items() if k in STAFF_FIELDS and type(v) is int}
        if type(person := detail.get(PERSON_FIELD)) is int:
            ids["person"].add(person)
    plain = _plain(viewer, ids)
    found = [*plain, *_conversations(viewer, ids["conversation"]), *_phones(viewer, ids)]
    return Known(
        {f"{each.table}:{each.id}": each for each in found},
        {each.id: each.name for each in plain if each.table == "staff"},
        {each.id: each.name for each in plain if each.table == "person"},
    )


def _plain(viewer: Viewer, ids: Mapping[str, set[int]]) -> list[Subject]:
    tables = {
        **_SMALL,
        "person": (Person, _FULL_NAME),
        "institution": (Institution, Institution.name),
    }
    asked = []
    for key, (table, name) in tables.items():
        prefix = _PREFIX.get(key, key)
        if ids.get(prefix):
            inside = (
                table.id == viewer.institution_id
                if table is Institution
                else table.institution_id == viewer.institution_id
            )
            asked.append(
                select(
                    literal(prefix).label("kind"), table.id, cast(name, String).label("name")
                ).where(table.id.in_(ids[prefix]), inside)
            )
    if not asked:
        return []
    return [
        Subject(kind, id_, _written(kind, name, viewer))
        for kind, id_, name in db.session.execute(union_all(*asked))
    ]


def _written(kind: str, name: str, viewer: Viewer) -> str:
    return pretty(name, viewer.region) if kind == "number" else name.strip()


def _conversations(viewer: Viewer, ids: Iterable[int]) -> list[Subject]:
    if not ids:
        return []
    rows = db.session.execute(
        select(
            Conversation.id,
            Conversation.staff_id,
            Conversation.org_unit_id,
            _FULL_NAME,
            ContactNumber.e164,
        )
        .outerjoin(Person, Person.id == Conversation.person_id)
        .outerjoin(ContactNumber, ContactNumber.id == Conversation.contact_number_id)
        .where(Conversation.id.in_(ids), Conversation.institution_id == viewer.institution_id)
    )
    return [
        Subject(
            "conversation",
            id_,
            name.strip() if name else pretty(e164 or "", viewer.region),
            whose=Whose(holder, unit),
        )
        for id_, holder, unit, name, e164 in rows
    ]


def _phones(viewer: Viewer, ids: Mapping[str, set[int]]) -> list[Subject]:
    """Phones of people, and numbers with the person who has them now; of several the first."""
    asked = (
        (ids.get("person_phone"), PersonPhone.id),
        (ids.get("contact_number"), ContactNumber.id),
    )
    columns = (
        ContactNumber.id,
        ContactNumber.e164,
        PersonPhone.id,
        PersonPhone.removed_at,
        Person.id,
        _FULL_NAME,
    )
    parts: list[Any] = [
        select(*(column.label(f"c{n}") for n, column in enumerate(columns)))
        .select_from(ContactNumber)
        .outerjoin(PersonPhone, PersonPhone.contact_number_id == ContactNumber.id)
        .outerjoin(Person, Person.id == PersonPhone.person_id)
        .where(ContactNumber.institution_id == viewer.institution_id, column.in_(wanted))
        for wanted, column in asked
        if wanted
    ]
    if not parts:
        return []
    rows = db.session.execute(union_all(*parts).order_by("c2"))
    found: dict[str, Subject] = {}
    for number_id, e164, phone_id, removed_at, person_id, name in rows:
        shown = pretty(e164, viewer.region)
        owner = (person_id, name.strip()) if person_id else None
        if phone_id:
            found[f"person_phone:{phone_id}"] = Subject("person_phone", phone_id, shown, owner)
        key, own = f"contact_number:{number_id}", owner if removed_at is None else None
        if key not in found or found[key].owner is None:
            found[key] = Subject("contact_number", number_id, shown, own)
    return list(found.values())


# Which have a name


def is_about(viewer: Viewer, q: str) -> ColumnElement[bool]:
    """The entries about something whose name has words that begin so, or whose number ends so."""
    wanted = terms(q)
    digits = next((term.digits for term in wanted if term.digits), "")
    large = AuditEntry.subject.in_(union_all(*_large(viewer, q, digits)))
    return or_(large, AuditEntry.subject.in_(_small(viewer, wanted)))


def _small(viewer: Viewer, wanted: list[Term]) -> list[str]:
    asked = [
        select(literal(_PREFIX.get(key, key)), table.id, cast(name, String)).where(
            table.institution_id == viewer.institution_id
        )
        for key, (table, name) in _SMALL.items()
    ]
    rows = db.session.execute(union_all(*asked))
    return [f"{prefix}:{id_}" for prefix, id_, name in rows if wanted and _matches(name, wanted)]


def _matches(name: str, wanted: list[Term]) -> bool:
    words = folded(name).split()
    return all(
        any(word.startswith(term.word) for word in words)
        or bool(term.digits and name.endswith(term.digits))
        for term in wanted
    )


def _large(viewer: Viewer, q: str, digits: str) -> list[Select[Any]]:
    """People by their words and numbers; their conversations, phones and numbers with them."""
    inside = viewer.institution_id
    persons = select(Person.id).where(Person.institution_id == inside, *people.matching(q))
    theirs = select(PersonPhone.contact_number_id).where(PersonPhone.person_id.in_(persons))
    owned: ColumnElement[bool] = ContactNumber.id.in_(theirs)
    if digits:
        owned = or_(owned, ContactNumber.tail.startswith(tail(digits), autoescape=True))
    numbers = select(ContactNumber.id).where(ContactNumber.institution_id == inside, owned)
    talks = or_(
        Conversation.person_id.in_(persons),
        and_(Conversation.person_id.is_(None), Conversation.contact_number_id.in_(numbers)),
    )
    phones = or_(PersonPhone.person_id.in_(persons), PersonPhone.contact_number_id.in_(numbers))
    return [
        _named("person", Person, Person.id.in_(persons)),
        _named("conversation", Conversation, Conversation.institution_id == inside, talks),
        _named("person_phone", PersonPhone, PersonPhone.institution_id == inside, phones),
        _named("contact_number", ContactNumber, ContactNumber.id.in_(numbers)),
    ]


def _named(prefix: str, table: Any, *wanted: ColumnElement[bool]) -> Select[Any]:
    return select(literal(f"{prefix}:") + cast(table.id, String)).where(*wanted)
