"""Access: who may do what (D3), and which rows and events a viewer may see.

One policy for lists, pages, search, sockets and exports: everything asks a `Viewer`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Can(StrEnum):
    """Capabilities. API scopes are the same words."""

    TEXT_REPLY = "text.reply"
    TEXT_START = "text.start"
    TEXT_BULK = "text.bulk"
    HOURS_OVERRIDE = "hours.override"
    INBOX_ALL = "inbox.all"
    INBOX_UNIT = "inbox.unit"
    PEOPLE_READ = "people.read"
    PEOPLE_EDIT = "people.edit"
    CONSENT_EDIT = "consent.edit"
    PEOPLE_IMPORT = "people.import"
    REPORTS_READ = "reports.read"
    REPORTS_EXPORT = "reports.export"
    SETTINGS_EDIT = "settings.edit"
    NUMBERS_MANAGE = "numbers.manage"
    STAFF_MANAGE = "staff.manage"
    PROVIDER_EDIT = "provider.edit"
    LIMITS_EDIT = "limits.edit"
    TOKENS_MANAGE = "tokens.manage"
    AUDIT_READ = "audit.read"


MEANING: dict[Can, str] = {
    Can.TEXT_REPLY: "Answer in your own conversations",
    Can.TEXT_START: "Start conversations, and hold a number",
    Can.TEXT_BULK: "Write to many people at once",
    Can.HOURS_OVERRIDE: "Write to many outside of the sending hours",
    Can.INBOX_ALL: "Read everybody’s conversations",
    Can.INBOX_UNIT: "Read the conversations of your org unit and of the units below it",
    Can.PEOPLE_READ: "See people and their phones",
    Can.PEOPLE_EDIT: "Change people and their phones",
    Can.CONSENT_EDIT: "Set whether a number may be texted",
    Can.PEOPLE_IMPORT: "Import people",
    Can.REPORTS_READ: "See reports",
    Can.REPORTS_EXPORT: "Export reports",
    Can.SETTINGS_EDIT: "Change the settings",
    Can.NUMBERS_MANAGE: "Manage the pool of numbers",
    Can.STAFF_MANAGE: "Manage staff and roles",
    Can.PROVIDER_EDIT: "Change the provider account",
    Can.LIMITS_EDIT: "Change the limits",
    Can.TOKENS_MANAGE: "Manage API tokens",
    Can.AUDIT_READ: "See the audit log",
}

# One of these lets a program read conversations and follow their events, or write in them.
WRITERS = (Can.TEXT_REPLY, Can.TEXT_START)
READERS = (*WRITERS, Can.INBOX_ALL, Can.INBOX_UNIT)

_REPLY = (Can.TEXT_REPLY, Can.PEOPLE_READ)
_ADVISE = (*_REPLY, Can.TEXT_START, Can.PEOPLE_EDIT, Can.CONSENT_EDIT)
_INBOXES = (Can.INBOX_ALL, Can.INBOX_UNIT)
_OVERSEE = (*_INBOXES, Can.PEOPLE_READ, Can.REPORTS_READ, Can.REPORTS_EXPORT)
_MANAGE = (*_ADVISE, *_OVERSEE, Can.TEXT_BULK, Can.HOURS_OVERRIDE, Can.PEOPLE_IMPORT)

# Name → (kind of role, capabilities). A new institution starts with these; an admin may edit them.
STANDARD_ROLES: dict[str, tuple[str, tuple[Can, ...]]] = {
    "Administrator": ("staff", tuple(Can)),
    "Manager": ("staff", tuple(dict.fromkeys(_MANAGE))),
    "Advisor": ("staff", _ADVISE),
    "Responder": ("staff", _REPLY),
    "Auditor": ("staff", (*_OVERSEE, Can.AUDIT_READ)),
    "Student": ("student", ()),
}


def capabilities_of(roles: Iterable[tuple[str, Iterable[str]]]) -> frozenset[Can]:
    """What a set of roles allows together. `roles`: (kind, capabilities) pairs.

    A student role never gives `text.start`, whatever is ticked on it (S3-42). Whoever reads all
    reads those of a unit, and so may grant that: roles that are older than units do not name it.
    """
    found: set[Can] = set()
    for kind, capabilities in roles:
        words = set(capabilities)
        granted = {can for can in Can if can in words}
        found |= granted - {Can.TEXT_START} if kind == "student" else granted
    if Can.INBOX_ALL in found:
        found.add(Can.INBOX_UNIT)
    return frozenset(found)


class Whose(NamedTuple):
    """Whose a conversation is: its holder, None = nobody's (D7), and the org unit that it is in."""

    holder: int | None
    unit: int | None = None


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks: a signed-in member of staff, or their program with a token and its scopes."""

    staff_id: int
    institution_id: int
    name: str
    email: str
    timezone: str  # IANA
    region: str  # how numbers are written
    capabilities: frozenset[Can] = field(default_factory=frozenset)
    withheld: frozenset[Can] = frozenset()  # their role has it, the token's scopes do not
    covers: frozenset[int] = frozenset()  # the staff for whom they answer these days
    unit: int | None = None  # the org unit that they are in
    units: frozenset[int] = frozenset()  # those whose conversations they see; with all: not needed

    def can(self, capability: Can) -> bool:
        return capability in self.capabilities

    @property
    def may_start(self) -> bool:
        return self.can(Can.TEXT_START)

    @property
    def sees_all(self) -> bool:
        return self.can(Can.INBOX_ALL)

    @property
    def sees_more(self) -> bool:
        """More than what is theirs to answer."""
        return self.sees_all or bool(self.units)

    @property
    def holders(self) -> frozenset[int]:
        """Whose conversations are theirs to answer: their own, and of those whom they cover."""
        return self.covers | {self.staff_id}

    def answers_for(self, holder: int | None) -> bool:
        return holder in self.holders

    def may_see(self, whose: Whose) -> bool:
        """What they answer; with `inbox.all` everybody's, the unclaimed ones too, and with
        `inbox.unit` those of their unit and below. `services.inbox.seen_by` says it in SQL, and
        `audience` to sockets."""
        return self.answers_for(whose.holder) or self.sees_all or whose.unit in self.units

    def may_hand_on(self, whose: Whose) -> bool:
        """Their own, or with `inbox.all` anybody's; whoever covers only answers, and whoever looks
        after a unit takes what nobody holds."""
        free = whose.holder is None and whose.unit in self.units
        return whose.holder == self.staff_id or self.sees_all or free

    @property
    def audience(self) -> frozenset[str]:
        """The words that let an event through to this viewer."""
        theirs = (*map(staff_audience, self.holders), *map(unit_audience, self.units))
        return frozenset({EVERYBODY, *theirs, *self.capabilities})


EVERYBODY = "everybody"


def staff_audience(staff_id: int) -> str:
    return f"staff:{staff_id}"


def unit_audience(unit_id: int) -> str:
    return f"unit:{unit_id}"


def conversation_audience(whose: Whose) -> tuple[str, ...]:
    """Who may know what happens in a conversation: whoever may see it."""
    holder = [staff_audience(whose.holder)] if whose.holder else []
    unit = [unit_audience(whose.unit)] if whose.unit else []
    return (Can.INBOX_ALL.value, *holder, *unit)
