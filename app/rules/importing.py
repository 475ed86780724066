"""Importing: which column of a file is what, and what one row says about one person.

A row is read as a whole or not at all: whatever is wrong with it is told together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from zoneinfo import available_timezones

from app.rules.emails import BadEmail, plain
from app.rules.phones import BadNumber, PhoneType, parse
from app.rules.search import folded

KINDS = ("student", "staff", "guardian", "prospect")
PROSPECT = "prospect"
LONGEST = {"given_name": 200, "family_name": 200, "source_id": 200}
LONGEST_REASON = LONGEST_KEY = 400
CONFIRM_ABOVE = 5  # removing more than one in so many is asked about
MOST_SHARED = 5  # owners of one number; beyond that whoever imports is told


class Field(StrEnum):
    """What a column may hold."""

    SOURCE_ID = "source_id"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    NAME = "name"
    EMAIL = "email"
    KIND = "kind"
    TIMEZONE = "timezone"
    MOBILE = "mobile"
    HOME = "home"
    WORK = "work"
    OTHER = "other"
    ADVISOR = "advisor"


LABELS: dict[Field, str] = {
    Field.SOURCE_ID: "ID",
    Field.GIVEN_NAME: "First name",
    Field.FAMILY_NAME: "Last name",
    Field.NAME: "Whole name",
    Field.EMAIL: "Email",
    Field.KIND: "Kind of person",
    Field.TIMEZONE: "Time zone",
    Field.MOBILE: "Mobile phone",
    Field.HOME: "Home phone",
    Field.WORK: "Work phone",
    Field.OTHER: "Other phone",
    Field.ADVISOR: "Advisor’s email",
}

PHONES: dict[Field, PhoneType] = {
    Field.MOBILE: PhoneType.MOBILE,
    Field.HOME: PhoneType.HOME,
    Field.WORK: PhoneType.WORK,
    Field.OTHER: PhoneType.OTHER,
}

# How programs call their columns, folded to words.
_CALLED: dict[Field, tuple[str, ...]] = {
    Field.SOURCE_ID: (
        *("id", "source id", "source_id", "student id", "person id", "user id", "student number"),
        *("sis id", "external id", "sourcedid", "emplid", "id number", "banner id", "identifier"),
    ),
    Field.GIVEN_NAME: (
        *("first name", "given name", "givenname", "firstname", "first", "given", "forename"),
        *("preferred first name", "preferred name"),
    ),
    Field.FAMILY_NAME: (
        *("last name", "family name", "familyname", "lastname", "last", "surname", "family"),
    ),
    Field.NAME: ("name", "full name", "student name", "person", "student"),
    Field.EMAIL: (
        *("email", "e mail", "email address", "e mail address", "student email", "mail"),
        *("school email", "primary email"),
    ),
    Field.KIND: ("kind", "kind of person", "type of person", "person type", "role", "user type"),
    Field.TIMEZONE: ("time zone", "timezone", "tz"),
    Field.MOBILE: (
        *("mobile", "mobile phone", "cell", "cell phone", "cellphone", "phone", "phone number"),
        *("mobile number", "sms", "cell number", "telephone", "text number", "student phone"),
    ),
    Field.HOME: ("home", "home phone", "home number", "landline"),
    Field.WORK: ("work", "work phone", "office phone", "work number", "business phone"),
    Field.OTHER: ("other phone", "other number", "alternate phone", "second phone"),
    Field.ADVISOR: ("advisor", "advisor email", "adviser", "adviser email", "counselor email"),
}
_FIELD_OF = {folded(name): kind for kind, names in _CALLED.items() for name in names}

# What programs call people, folded; also the roles of OneRoster.
_KIND_OF: dict[str, str] = {
    **dict.fromkeys(("student", "students", "pupil", "learner"), "student"),
    **dict.fromkeys(("staff", "teacher", "faculty", "employee", "advisor", "counselor"), "staff"),
    **dict.fromkeys(("guardian", "parent", "relative", "mother", "father", "family"), "guardian"),
    **dict.fromkeys(("prospect", "applicant", "lead", "inquiry"), PROSPECT),
}

Held = Sequence[Field | None]  # what each column holds; None = it is left out


@dataclass(frozen=True, slots=True)
class Entry:
    """What a row says about a person. None, and a phone type that is not given, leave alone what is
    known. `key`: by which the same person is known again within the file. `says_kind`: else the
    kind is only what somebody new becomes. `phones`: (E.164, type). `advisors`: emails of staff, or
    in OneRoster ids of users. `guardians`: ids of who stands for them. `gone`: to be removed."""

    key: str
    source_id: str | None
    given_name: str
    family_name: str | None
    email: str | None = None
    kind: str = "student"
    timezone: str | None = None
    phones: tuple[tuple[str, PhoneType], ...] = ()
    advisors: tuple[str, ...] = ()
    guardians: tuple[str, ...] | None = None
    gone: bool = False
    says_kind: bool = False

    @property
    def name(self) -> str:
        return f"{self.given_name} {self.family_name or ''}".strip()

    @property
    def addresses(self) -> tuple[str, ...]:
        return (*((self.email,) if self.email else ()), *(e164 for e164, _ in self.phones))


@dataclass(frozen=True, slots=True)
class Refused:
    """`key` and `name`: where they could be read. `skipped`: nothing is wrong with it, it is only
    not for us."""

    reason: str
    key: str = ""
    name: str = ""
    skipped: bool = False


@dataclass(slots=True)
class Said:
    """What is read of one row, and what is wrong with it."""

    region: str
    problems: list[str] = field(default_factory=list)

    def text(self, label: str, raw: str, longest: int = 200) -> str:
        found = " ".join(raw.replace("\0", "").split())
        if len(found) > longest:
            self.problems.append(f"{label}: longer than {longest} characters.")
        return found[:longest]

    def email(self, raw: str, label: str = "Email") -> str | None:
        if not raw.strip():
            return None
        found = plain(raw[:400])
        if isinstance(found, BadEmail):
            self.problems.append(f"{label}: {found.message}")
            return None
        return found

    def zone(self, raw: str) -> str | None:
        name = raw.strip()
        if name and name not in _zones():
            self.problems.append(f"Time zone: {name[:60]} is none such as America/Chicago.")
        return name or None

    def phones(self, typed: Sequence[tuple[str, PhoneType]]) -> tuple[tuple[str, PhoneType], ...]:
        """Each number once, as what it is first."""
        found: dict[str, PhoneType] = {}
        for raw, kind in typed:
            if not raw.strip():
                continue
            e164 = parse(raw[:100], self.region)
            if isinstance(e164, BadNumber):
                self.problems.append(f"{kind.value.capitalize()} phone: {e164.message}")
            else:
                found.setdefault(e164, kind)
        return tuple(found.items())

    @property
    def reason(self) -> str:
        return " ".join(self.problems)[:LONGEST_REASON]


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


# Which column is what


def guess(columns: Sequence[str]) -> list[Field | None]:
    """What each column holds, by its name; of several for the same the first."""
    found: list[Field | None] = []
    for name in columns:
        kind = _FIELD_OF.get(folded(name))
        found.append(kind if kind not in found else None)
    return found


def mapping_problem(columns: Sequence[str], mapping: Held, *, may_link: bool) -> str | None:
    """Why people cannot be imported so; None where they can."""
    for kind in Field:
        names = [name for name, held in zip(columns, mapping, strict=True) if held is kind]
        if len(names) > 1:
            listed = " and ".join(f"“{name}”" for name in names)
            return f"{listed} cannot both be {LABELS[kind]}. Leave one of them out."
    if Field.GIVEN_NAME not in mapping and Field.NAME not in mapping:
        return "Choose the column that holds the first name, or the whole name."
    if not {Field.SOURCE_ID, Field.EMAIL, *PHONES} & {*mapping}:
        return "Choose a column by which people are known again: their ID, email or phone."
    if Field.ADVISOR in mapping and not may_link:
        return "Your role may not say whose students people are. Leave the advisor’s column out."
    return None


# What a row says


def read(
    cells: Sequence[str], columns: Sequence[str], mapping: Held, kind: str, region: str
) -> Entry | Refused:
    """`kind`: of whoever's row does not say. `region`: of numbers without "+"."""
    if problem := cut_wrong(cells, columns, mapping[0] is Field.SOURCE_ID):
        return problem
    if [cell.strip() for cell in cells[: len(columns)]] == [*columns]:
        return Refused("This line repeats the names of the columns.", skipped=True)
    given = {held: cell for held, cell in zip(mapping, cells, strict=False) if held}
    said = Said(region)
    first, last = _name(given, said)
    source_id = said.text("ID", given.get(Field.SOURCE_ID, ""), LONGEST["source_id"])
    email = said.email(given.get(Field.EMAIL, ""))
    phones = said.phones([(given.get(held, ""), type_) for held, type_ in PHONES.items()])
    word = given.get(Field.KIND, "")
    kind = _kind(word, kind, said)
    zone = said.zone(given.get(Field.TIMEZONE, ""))
    advisor = said.email(given.get(Field.ADVISOR, ""), LABELS[Field.ADVISOR])
    if not first:
        said.problems.insert(0, "There is no first name.")
    by_id = Field.SOURCE_ID in mapping
    key = source_id if by_id else _key_without_id(first, last, email, phones)
    if by_id and not source_id:
        said.problems.insert(0, "There is no ID.")
    elif not key and not said.problems:
        said.problems.append("There is neither an email nor a phone to know this person by.")
    if said.problems:
        return Refused(said.reason, key, f"{first} {last or ''}".strip())
    return Entry(
        key,
        source_id or None,
        first,
        last,
        email,
        kind,
        zone,
        phones,
        (advisor,) if advisor else (),
        says_kind=bool(word.strip()),
    )


def who(cells: Sequence[str], mapping: Held) -> tuple[str, str]:
    """The ID and the name in a row of which nothing is taken; "" where there is none."""
    given = {held: cell for held, cell in zip(mapping, cells, strict=False) if held}
    said = Said("")
    first, last = _name(given, said)
    source_id = said.text("ID", given.get(Field.SOURCE_ID, ""), LONGEST["source_id"])
    return source_id, f"{first} {last or ''}".strip()


def cut_wrong(cells: Sequence[str], columns: Sequence[str], id_first: bool) -> Refused | None:
    """None where there is a cell for each column. Which of the others was moved nobody knows, but
    the first stands where it stood: `id_first` = it holds the ID."""
    if len(cells) == len(columns) or (
        len(cells) > len(columns) and not any(cell.strip() for cell in cells[len(columns) :])
    ):
        return None
    key = " ".join(cells[0].split())[: LONGEST["source_id"]] if id_first else ""
    return Refused(f"This line has {len(cells)} cells, the first line has {len(columns)}.", key)


def _name(given: Mapping[Field, str], said: Said) -> tuple[str, str | None]:
    """First and last; None where the last is not said."""
    first = said.text("First name", given.get(Field.GIVEN_NAME, ""))
    last = said.text("Last name", given.get(Field.FAMILY_NAME, "")) or None
    whole = said.text("Name", given.get(Field.NAME, ""), 401)
    if first or not whole:
        return first, last
    if "," in whole:
        family, _, first = whole.partition(",")
        return first.strip()[:200], last or family.strip()[:200]
    if last is not None:
        return whole[:200], last
    first, _, family = whole.rpartition(" ")
    return (first[:200], family[:200]) if first else (family[:200], None)


def _kind(raw: str, otherwise: str, said: Said) -> str:
    word = folded(raw)
    if not word:
        return otherwise
    if word not in _KIND_OF:
        said.problems.append(f"Kind of person: “{raw.strip()[:60]}” is none of {', '.join(KINDS)}.")
    return _KIND_OF.get(word, otherwise)


def _key_without_id(
    first: str, last: str | None, email: str | None, phones: Sequence[tuple[str, PhoneType]]
) -> str:
    """Somebody of this name with this address: a family may share one."""
    by = email or (phones[0][0] if phones else "")
    return f"{by} {same_name(f'{first} {last}' if last else first)}"[:LONGEST_KEY] if by else ""


def same_name(name: str) -> str:
    """What two ways to write the same name have in common."""
    return " ".join(sorted(folded(name).split()))


def is_many(removing: int, of: int) -> bool:
    """Whether so many of so many people are removed only after a question (C15)."""
    return removing * CONFIRM_ABOVE > of
