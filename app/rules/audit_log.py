"""Audit log: what somebody did, as the rest of a sentence that begins with their name.

`DEEDS` is the whole vocabulary. An action that it lacks is told as well as its own words allow.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from app.rules.access import MEANING
from app.rules.consent import SmsStatus
from app.rules.history import STATUS

NOBODY = "nobody"
COMMAND_LINE = "The command line"  # who, where nobody was signed in


class Kind(StrEnum):
    """What is filtered by."""

    CONVERSATIONS = "conversations"
    CONSENT = "consent"
    PEOPLE = "people"
    SETTINGS = "settings"
    NUMBERS = "numbers"
    STAFF = "staff"
    ACCESS = "access"
    TEXTS = "texts"
    EXPORTS = "exports"
    OTHER = "other"


KINDS: dict[Kind, str] = {
    Kind.CONVERSATIONS: "Conversations",
    Kind.CONSENT: "Consent",
    Kind.PEOPLE: "People and phones",
    Kind.SETTINGS: "Settings",
    Kind.NUMBERS: "Numbers and provider",
    Kind.STAFF: "Staff and roles",
    Kind.ACCESS: "Passwords, API tokens and webhooks",
    Kind.TEXTS: "Standard texts",
    Kind.EXPORTS: "Exports",
    Kind.OTHER: "Everything else",
}


@dataclass(frozen=True, slots=True)
class Deed:
    """`words`: with {fields}; what stands in [brackets] leads to the thing. `shows`: the fields of
    the entry's detail that are told below the sentence."""

    kind: Kind
    words: str
    shows: tuple[str, ...] = ()


SETTINGS_CHANGED = "settings.changed"

DEEDS: dict[str, Deed] = {
    "conversation.read": Deed(
        Kind.CONVERSATIONS, "read the conversation of {holder} with [{target}]"
    ),
    "conversation.handed_over": Deed(
        Kind.CONVERSATIONS, "handed the conversation with [{target}] from {was} to {to}"
    ),
    "consent.changed": Deed(Kind.CONSENT, "set [{target}]{of} to {status}"),
    "phone.added": Deed(Kind.PEOPLE, "added the phone [{target}]{of}"),
    "phone.changed": Deed(Kind.PEOPLE, "changed the phone [{target}]{of}", ("type", "verified")),
    "phone.removed": Deed(Kind.PEOPLE, "removed the phone [{target}]{of}"),
    "phone.restored": Deed(Kind.PEOPLE, "brought back the phone [{target}]{of}"),
    "number.identified": Deed(Kind.PEOPLE, "said that [{target}] is the number of {person}"),
    "number.split_off": Deed(Kind.PEOPLE, "said that [{target}] is not the number of {person}"),
    "advisor.added": Deed(Kind.PEOPLE, "made [{target}] a student of {advisor}"),
    "advisor.removed": Deed(Kind.PEOPLE, "took [{target}] from the students of {advisor}"),
    "person.merged": Deed(Kind.PEOPLE, "merged {person} into [{target}]"),
    "person.unmerged": Deed(Kind.PEOPLE, "undid the merge of {person} into [{target}]"),
    "people.imported": Deed(Kind.PEOPLE, "imported people from {name}", ("rows", "problem")),
    "import.stopped": Deed(Kind.PEOPLE, "stopped the import of {name}", ("rows",)),
    "removal.confirmed": Deed(Kind.PEOPLE, "had {count} people removed who are not in {name}"),
    "removal.declined": Deed(Kind.PEOPLE, "kept {count} people who are not in {name}"),
    SETTINGS_CHANGED: Deed(Kind.SETTINGS, "changed [the settings], version {version}"),
    "institution.created": Deed(Kind.SETTINGS, "created {target}"),
    "provider.saved": Deed(Kind.NUMBERS, "saved [the provider account]"),
    "number.added": Deed(Kind.NUMBERS, "put [{target}] into the pool"),
    "number.released": Deed(Kind.NUMBERS, "took [{target}] back from {holder}"),
    "number.reassigned": Deed(
        Kind.NUMBERS, "gave [{target}] to {holder}", ("was", "conversations")
    ),
    "number.shared": Deed(Kind.NUMBERS, "gave [{target}] to {unit} to share"),
    "number.unshared": Deed(Kind.NUMBERS, "took [{target}] back from {unit}"),
    "number.retired": Deed(Kind.NUMBERS, "retired [{target}]"),
    "number.connected": Deed(
        Kind.NUMBERS, "had the provider send here what comes to [{target}]", ("service",)
    ),
    "staff.created": Deed(Kind.STAFF, "added [{target}] to the staff", ("roles",)),
    "staff.changed": Deed(
        Kind.STAFF,
        "changed the account of [{target}]",
        ("name", "roles", "active", "org_unit"),
    ),
    "staff.deactivated": Deed(
        Kind.STAFF,
        "deactivated [{target}]",
        ("number", "conversations", "moved", "texts", "students"),
    ),
    "staff.reactivated": Deed(Kind.STAFF, "reactivated [{target}]"),
    "profile.changed": Deed(
        Kind.STAFF, "changed the profile of [{target}]", ("name", "timezone", "weekly_summary")
    ),
    "role.saved": Deed(Kind.STAFF, "saved the role [{target}]", ("capabilities",)),
    "role.deleted": Deed(Kind.STAFF, "deleted the role {name}"),
    "staff.placed": Deed(Kind.STAFF, "put [{target}] into an org unit by an import", ("org_unit",)),
    "org_unit.created": Deed(Kind.STAFF, "made the org unit [{target}]", ("under",)),
    "org_unit.changed": Deed(Kind.STAFF, "changed the org unit [{target}]", ("was", "under")),
    "org_unit.represented": Deed(Kind.STAFF, "chose {representative} to stand for [{target}]"),
    "org_unit.removed": Deed(Kind.STAFF, "removed the org unit {name}"),
    "cover.arranged": Deed(
        Kind.STAFF, "arranged that {by} covers for [{target}]", ("first", "last")
    ),
    "cover.ended": Deed(Kind.STAFF, "ended the cover for [{target}]"),
    "password.link_sent": Deed(Kind.ACCESS, "sent [{target}] a link to choose a password"),
    "password.asked": Deed(Kind.ACCESS, "asked for a link to choose a password"),
    "password.chosen": Deed(Kind.ACCESS, "chose a password with a link"),
    "password.changed": Deed(Kind.ACCESS, "changed the password of [{target}]"),
    "sessions.ended": Deed(Kind.ACCESS, "signed [{target}] out of every other browser"),
    "token.created": Deed(Kind.ACCESS, "made the API token [{name}]", ("scopes",)),
    "token.revoked": Deed(Kind.ACCESS, "ended the API token {name} of {holder}"),
    "webhook.created": Deed(Kind.ACCESS, "made [the webhook] to {host}", ("events",)),
    "webhook.changed": Deed(Kind.ACCESS, "changed [the webhook] to {host}", ("events",)),
    "webhook.secret_renewed": Deed(Kind.ACCESS, "renewed the secret of [the webhook] to {host}"),
    "webhook.paused": Deed(Kind.ACCESS, "paused [the webhook] to {host}"),
    "webhook.resumed": Deed(Kind.ACCESS, "resumed [the webhook] to {host}"),
    "webhook.tested": Deed(Kind.ACCESS, "sent a test to [the webhook] to {host}"),
    "webhook.sent_again": Deed(
        Kind.ACCESS, "sent events again to [the webhook] to {host}", ("count",)
    ),
    "webhook.deleted": Deed(Kind.ACCESS, "deleted the webhook to {host}"),
    "standard_text.created": Deed(Kind.TEXTS, "added the shared text [{title}]"),
    "standard_text.changed": Deed(Kind.TEXTS, "changed the shared text [{title}]"),
    "standard_text.deleted": Deed(Kind.TEXTS, "deleted the shared text {title}"),
    "audit_log.exported": Deed(Kind.EXPORTS, "exported the audit log", ("filter",)),
    "import.exported": Deed(Kind.EXPORTS, "exported what became of the rows of {name}"),
    "messages.exported": Deed(Kind.EXPORTS, "exported messages", ("filter",)),
    "analytics.exported": Deed(Kind.EXPORTS, "exported the figures of Analytics", ("filter",)),
    "person_phones.exported": Deed(Kind.EXPORTS, "exported the phones of people", ("filter",)),
}

# Fields of a detail that hold the id of a member of staff.
STAFF_FIELDS = frozenset(
    ("holder", "was", "to", "advisor", "by", "number", "conversations", "students")
) | {"representative"}
PERSON_FIELD = "person"

_LABELS = {
    "type": "Type",
    "verified": "Verified",
    "was": "Held before by",
    "conversations": "Open conversations",
    "roles": "Roles",
    "name": "Name",
    "active": "Account",
    "number": "Number",
    "moved": "Conversations moved",
    "texts": "Texts for later",
    "students": "Students",
    "timezone": "Time zone",
    "weekly_summary": "Weekly summary",
    "capabilities": "May",
    "scopes": "Rights",
    "first": "First day",
    "last": "Last day",
    "filter": "Filter",
    "rows": "Rows",
    "problem": "Stopped early",
    "events": "Events",
    "count": "Events",
    "service": "Before by its messaging service",
    "org_unit": "Org. unit",
    "under": "Under",
}
_OF_NOBODY = {
    "number": "back to the pool",
    "conversations": "to unclaimed",
    "scopes": "all of its owner",
    "timezone": "that of the institution",
    "roles": "none",
    "under": "none, at the top",
}
_SAID = {
    ("conversations", "move"): "went along",
    ("conversations", "keep"): "stayed",
    ("active", True): "active",
    ("active", False): "deactivated",
}


@dataclass(frozen=True, slots=True)
class Names:
    """What the ids of an entry are called. `target`: its subject; `of`: whose that is, "" where it
    is nobody's. `version`: of the settings, after this change."""

    target: str
    of: str = ""
    staff: Mapping[int, str] = field(default_factory=dict)
    people: Mapping[int, str] = field(default_factory=dict)
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence without its subject and its full stop; `link` is the part that leads to the
    thing, "" where nothing does."""

    before: str
    link: str = ""
    after: str = ""

    def __str__(self) -> str:
        return f"{self.before}{self.link}{self.after}"


def kind_of(action: str) -> Kind:
    deed = DEEDS.get(action)
    return deed.kind if deed else Kind.OTHER


def told(action: str, detail: Mapping[str, Any], names: Names) -> Told:
    """What was done."""
    deed = DEEDS.get(action)
    words = deed.words if deed else _unknown(action, names)
    fields = _Fields(_field(name, value, names) for name, value in detail.items())
    fields |= {
        "target": names.target,
        "of": f" of {names.of}" if names.of else "",
        "version": str(names.version or ""),
    }
    # Each part is filled in by itself: a name may hold a bracket.
    before, _, rest = words.partition("[")
    link, _, after = rest.partition("]")
    return Told(*(part.format_map(fields) for part in (before, link, after)))


class _Fields(dict[str, str]):
    def __missing__(self, _name: str) -> str:
        return NOBODY


def _unknown(action: str, names: Names) -> str:
    """ "import.finished" of an import: finished [import 5]."""
    plain = "".join(c for c in action.replace("_", " ") if c.isalnum() or c in " .")
    noun, _, verb = plain.partition(".")
    if not verb:
        return f"{noun}: [{{target}}]"
    return (
        f"{verb} [{{target}}]" if names.target.startswith(noun) else f"{verb} {noun}: [{{target}}]"
    )


def _field(name: str, value: Any, names: Names) -> tuple[str, str]:
    if name == "status" and value in set(SmsStatus):
        return name, STATUS[SmsStatus(value)]
    if name == PERSON_FIELD:
        return name, names.people.get(value, "somebody")
    if name in STAFF_FIELDS and isinstance(value, int):
        return name, names.staff.get(value, "somebody")
    return name, NOBODY if value is None else str(value)


def shown(action: str, detail: Mapping[str, Any], names: Names) -> list[tuple[str, str]]:
    """What else is known about it, as (label, value). Of an unknown action everything plain; of
    changed settings nothing, because those are told as differences."""
    deed = DEEDS.get(action)
    if deed is None:
        plain = {k: v for k, v in detail.items() if isinstance(v, str | int | float | bool)}
        return [(k.replace("_", " ").capitalize(), str(v)[:300]) for k, v in plain.items()]
    given = [name for name in deed.shows if name in detail and _tells(action, name, detail[name])]
    return [(_LABELS[name], _value(name, detail[name], names)) for name in given]


def _tells(action: str, name: str, value: Any) -> bool:
    """What was left alone is not told."""
    return not (value is None and (action in ("phone.changed", "staff.changed") or name == "was"))


def _value(name: str, value: Any, names: Names) -> str:
    if value is None:
        return _OF_NOBODY.get(name, NOBODY)
    if isinstance(value, list):
        words = {str(right): meaning for right, meaning in MEANING.items()}
        return ", ".join(words.get(str(each), str(each)) for each in value) or "nothing"
    if isinstance(value, dict):
        parts = [f"{k.replace('_', ' ')}: {_in_filter(k, v, names)}" for k, v in value.items()]
        return ", ".join(parts) or "none"
    if name in ("first", "last"):
        day = date.fromisoformat(value)
        return f"{day:%b} {day.day}, {day.year}"
    if (name, value) in _SAID:
        return _SAID[name, value]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name in STAFF_FIELDS and isinstance(value, int):
        return (
            f"to {names.staff.get(value, 'somebody')}"
            if name != "was"
            else names.staff.get(value, "somebody")
        )
    return str(value)


def _in_filter(name: str, value: Any, names: Names) -> str:
    return names.staff.get(value, COMMAND_LINE) if name == "by" else str(value)
