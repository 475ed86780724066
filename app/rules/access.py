"""Access: who may do what (D3), and which rows and events a viewer may see.

One policy for lists, pages, search, sockets and exports: everything asks a `Viewer`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Can(StrEnum):
    """Capabilities. API scopes are the same words."""

    TEXT_REPLY = "text.reply"
    TEXT_START = "text.start"
    TEXT_BULK = "text.bulk"
    HOURS_OVERRIDE = "hours.override"
    INBOX_ALL = "inbox.all"
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
READERS = (*WRITERS, Can.INBOX_ALL)

_REPLY = (Can.TEXT_REPLY, Can.PEOPLE_READ)
_ADVISE = (*_REPLY, Can.TEXT_START, Can.PEOPLE_EDIT, Can.CONSENT_EDIT)
_OVERSEE = (Can.INBOX_ALL, Can.PEOPLE_READ, Can.REPORTS_READ, Can.REPORTS_EXPORT)
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

    A student role never gives `text.start`, whatever is ticked on it (S3-42).
    """
    found: set[Can] = set()
    for kind, capabilities in roles:
        words = set(capabilities)
        granted = {can for can in Can if can in words}
        found |= granted - {Can.TEXT_START} if kind == "student" else granted
    return frozenset(found)


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

    def can(self, capability: Can) -> bool:
        return capability in self.capabilities

    @property
    def may_start(self) -> bool:
        return self.can(Can.TEXT_START)

    @property
    def sees_all(self) -> bool:
        return self.can(Can.INBOX_ALL)

    @property
    def holders(self) -> frozenset[int]:
        """Whose conversations are theirs to answer: their own, and of those whom they cover."""
        return self.covers | {self.staff_id}

    def answers_for(self, holder: int | None) -> bool:
        return holder in self.holders

    def may_see(self, holder: int | None) -> bool:
        """What they answer; with `inbox.all` everybody's, the unclaimed ones too."""
        return self.answers_for(holder) or self.can(Can.INBOX_ALL)

    def may_hand_on(self, holder: int | None) -> bool:
        """Their own, or with `inbox.all` anybody's; whoever covers only answers."""
        return holder == self.staff_id or self.can(Can.INBOX_ALL)

    @property
    def audience(self) -> frozenset[str]:
        """The words that let an event through to this viewer."""
        return frozenset({EVERYBODY, *map(staff_audience, self.holders), *self.capabilities})


EVERYBODY = "everybody"


def staff_audience(staff_id: int) -> str:
    return f"staff:{staff_id}"


def holder_audience(holder: int | None) -> tuple[str, ...]:
    """Who may know what happens in a conversation of this holder."""
    return (Can.INBOX_ALL.value, *([staff_audience(holder)] if holder else []))
