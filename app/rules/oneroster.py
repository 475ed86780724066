"""OneRoster: what the files of versions 1.1 and 1.2 say about people.

1.1 has the role of a user in `users.csv`; 1.2 in `roles.csv`, a user's first or "primary" one
counting. `sms` is the phone for texts, `phone` any other. The agents of a student are the users who
stand for them: guardians become people, and whoever has an account here their advisor.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.rules.importing import LONGEST, Entry, Refused, Said, cut_wrong
from app.rules.phones import PhoneType
from app.rules.search import folded

_NEEDED = {"sourcedid", "givenname", "familyname"}
_GONE = "tobedeleted"
_AGENTS = ("agentsourcedids", "agents")
_ORGS = ("primaryorgsourcedid", "orgsourcedids")
_STAFF: tuple[str, ...] = ("teacher", "administrator", "aide", "proctor", "counselor", "principal")
_STAFF += ("districtadministrator", "siteadministrator", "systemadministrator", "advisor")
_KIND_OF = {
    "student": "student",
    **dict.fromkeys(("guardian", "parent", "relative"), "guardian"),
    **dict.fromkeys(_STAFF, "staff"),
}


# The other files of a set, which are left alone, by their plain names.
OTHERS = frozenset(
    (
        *("academicsessions", "categories", "classes", "classresources", "courses"),
        *("courseresources", "demographics", "enrollments", "lineitemlearningobjectiveids"),
        *("lineitems", "lineitemscorescales", "resources", "resultlearningobjectiveids"),
        *("results", "resultscorescales", "scorescales", "userprofiles", "userresources"),
    )
)


class File(StrEnum):
    """The files that are read."""

    USERS = "users"
    ROLES = "roles"
    ORGS = "orgs"
    MANIFEST = "manifest"


@dataclass(frozen=True, slots=True)
class Columns:
    """Where each named column stands."""

    names: Sequence[str]
    at: Mapping[str, int]

    @classmethod
    def of(cls, names: Sequence[str]) -> "Columns":
        places = {plain_name(name): place for place, name in reversed([*enumerate(names)])}
        return cls(names, places)

    def cell(self, cells: Sequence[str], name: str) -> str:
        place = self.at.get(name)
        return cells[place].strip() if place is not None and place < len(cells) else ""


def plain_name(column: str) -> str:
    return folded(column).replace(" ", "")


def file_of(columns: Sequence[str]) -> File | None:
    """Which file of a set has these columns; None for what is none of them."""
    names = {plain_name(column) for column in columns}
    if names >= _NEEDED:
        return File.USERS
    if {"usersourcedid", "role"} <= names and "classsourcedid" not in names:
        return File.ROLES
    if {"sourcedid", "name", "type"} <= names:
        return File.ORGS
    if {"propertyname", "value"} <= names:
        return File.MANIFEST
    return None


def version_of(columns: Sequence[str]) -> str:
    """By the columns of the users: 1.2 has the roles in a file of their own."""
    return "1.1" if "role" in {plain_name(column) for column in columns} else "1.2"


def kind_of(role: str) -> str:
    """ "" for what is no role of people."""
    return _KIND_OF.get(plain_name(role), "")


def agents(columns: Columns, cells: Sequence[str]) -> tuple[str, ...] | None:
    """The ids of the users who stand for this one; None where no column says it."""
    if not columns.at.keys() & {*_AGENTS}:
        return None
    listed = ",".join(columns.cell(cells, name) for name in _AGENTS)
    ids = (each.strip()[: LONGEST["source_id"]] for each in listed.split(","))
    return tuple(dict.fromkeys(each for each in ids if each))


def kind_in(cells: Sequence[str], columns: Columns, kind_by_id: Callable[[str], str]) -> str:
    """ "" where nothing says it."""
    role = columns.cell(cells, "role")
    return kind_of(role) if role else kind_by_id(columns.cell(cells, "sourcedid"))


def _name(said: Said, cells: Sequence[str], columns: Columns, part: str) -> str:
    """As they want to be called, where 1.2 says it."""
    preferred = said.text(f"preferred {part} name", columns.cell(cells, f"preferred{part}name"))
    return preferred or said.text(f"{part}Name", columns.cell(cells, f"{part}name"))


@dataclass(frozen=True, slots=True)
class Org:
    """A line of orgs.csv. `parent`: the id of the org above it, "" = at the top. `gone`: to be
    removed."""

    id: str
    name: str
    parent: str
    gone: bool = False


def read_org(cells: Sequence[str], columns: Columns, longest: int) -> Org | Refused:
    """`longest`: characters of a name."""
    if problem := cut_wrong(cells, columns.names, columns.at.get("sourcedid") == 0):
        return problem
    said = Said("")
    org_id = said.text("sourcedId", columns.cell(cells, "sourcedid"), LONGEST["source_id"])
    name = said.text("name", columns.cell(cells, "name"), longest)
    if not name:
        said.problems.insert(0, "There is no name.")
    if not org_id:
        said.problems.insert(0, "There is no sourcedId.")
    if said.problems:
        return Refused(said.reason, org_id, name)
    gone = columns.cell(cells, "status").lower() == _GONE
    return Org(org_id, name, columns.cell(cells, "parentsourcedid")[: LONGEST["source_id"]], gone)


def orgs_of(cells: Sequence[str], columns: Columns) -> list[str]:
    """The ids of the orgs that a line of users.csv names, the first one first."""
    listed = ",".join(columns.cell(cells, name) for name in _ORGS)
    return [each.strip() for each in listed.split(",") if each.strip()]


def who(cells: Sequence[str], columns: Columns) -> tuple[str, str]:
    """The id and the name in a line of users.csv of which nothing is taken."""
    said = Said("")
    source_id = said.text("sourcedId", columns.cell(cells, "sourcedid"), LONGEST["source_id"])
    first, last = (_name(said, cells, columns, part) for part in ("given", "family"))
    return source_id, f"{first} {last}".strip()


def read_user(
    cells: Sequence[str], columns: Columns, kind_by_id: Callable[[str], str], region: str
) -> Entry | Refused:
    """One line of users.csv. `kind_by_id`: what the other files say, "" where nothing."""
    if problem := cut_wrong(cells, columns.names, columns.at.get("sourcedid") == 0):
        return problem
    said = Said(region)
    source_id = said.text("sourcedId", columns.cell(cells, "sourcedid"), LONGEST["source_id"])
    first, last = (_name(said, cells, columns, part) for part in ("given", "family"))
    name = f"{first} {last}".strip()
    if columns.cell(cells, "status").lower() == _GONE and source_id:
        return Entry(source_id, source_id, first, last, gone=True)
    if columns.cell(cells, "enableduser").lower() in ("false", "0"):
        return Refused("Switched off in the school’s system.", source_id, name, skipped=True)
    role, kind = columns.cell(cells, "role"), kind_in(cells, columns, kind_by_id)
    email = said.email(columns.cell(cells, "email"))
    phones = said.phones(
        [
            (columns.cell(cells, "sms"), PhoneType.MOBILE),
            (columns.cell(cells, "phone"), PhoneType.HOME),
        ]
    )
    if not first:
        said.problems.insert(0, "There is no givenName.")
    if not source_id:
        said.problems.insert(0, "There is no sourcedId.")
    if not kind:
        what = f"The role {role[:60]} is none that we know." if role else "This user has no role."
        said.problems.append(what)
    if said.problems:
        return Refused(said.reason, source_id, name)
    linked = agents(columns, cells) if kind == "student" else None
    return Entry(
        *(source_id, source_id, first, last, email, kind),
        says_kind=True,
        phones=phones,
        advisors=linked or (),
        guardians=linked,
    )
