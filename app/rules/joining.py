"""Joining: two records of one person become one. Which may, what wins, and until when it is undone.

The record that is kept wins wherever both say something; where it says nothing, the other one
speaks. What somebody wished about texts only ever becomes stricter (S3-54, D14, D22).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from app.rules.consent import SmsStatus
from app.rules.phones import PhoneType

UNDO_FOR = timedelta(days=30)
FIELDS = ("kind", "given_name", "family_name", "email", "source_id", "timezone")
_NOTHING = (None, "", "unknown")  # a kind may also be that


@dataclass(frozen=True, slots=True)
class Phone:
    """A number on a record, also one that was taken away. `imported`: no person put it there.
    `changed_at`: its status; `own_stop`: to a STOP from the number itself."""

    id: int
    contact_id: int
    type: PhoneType
    status: SmsStatus
    verified_at: datetime | None = None
    verified_by: int | None = None
    imported: bool = False
    removed_at: datetime | None = None
    changed_at: datetime | None = None
    own_stop: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """`fields`: those of FIELDS. `removed`: an import took them away. `has_account`: can sign
    in."""

    id: int
    fields: dict[str, Any]
    phones: tuple[Phone, ...] = ()
    opted_out_at: datetime | None = None
    removed: bool = False
    merged: bool = False
    has_account: bool = False

    def says(self, name: str) -> bool:
        return self.fields.get(name) not in _NOTHING


class Hindrance(StrEnum):
    """Why two records cannot become one; the code of the 409."""

    SAME = "same_person"
    MERGED = "merged"
    REMOVED = "removed"
    TWO_SOURCES = "two_source_ids"
    TWO_ACCOUNTS = "two_accounts"


def hindrance(kept: Record, other: Record) -> Hindrance | None:
    """The first reason, if any. Two IDs are two people of the school's own system, whose next
    import would bring both back: it has to merge them itself."""
    if kept.id == other.id:
        return Hindrance.SAME
    if kept.merged or other.merged:
        return Hindrance.MERGED
    if kept.removed or other.removed:
        return Hindrance.REMOVED
    if kept.says("source_id") and other.says("source_id"):
        return Hindrance.TWO_SOURCES
    if kept.has_account and other.has_account:
        return Hindrance.TWO_ACCOUNTS
    return None


def why_not(found: Hindrance, kept: str, other: str) -> str:
    """In words, for whoever wants to merge them. `kept`, `other`: their names."""
    match found:
        case Hindrance.SAME:
            return "This is one and the same record. Choose another one."
        case Hindrance.MERGED:
            return "One of the two was merged already. Open the record that was kept."
        case Hindrance.REMOVED:
            return "An import removed one of the two. Only people who are there can be merged."
        case Hindrance.TWO_SOURCES:
            return (
                f"{kept} and {other} have an ID each, so the next import would find both. Merge "
                "them in the school’s own system, or clear the wrong ID here first."
            )
        case Hindrance.TWO_ACCOUNTS:
            return f"{kept} and {other} can both sign in, and one person has one account."


@dataclass(frozen=True, slots=True)
class Twin:
    """A number that both have: it stays on the kept record, with these changes."""

    kept: int
    other: int
    changes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Joined:
    """What becomes of the two. `fields`: those that the other one fills in. `moved`: phones that
    change over. `silenced`: the contacts that a STOP of the other side reaches now."""

    fields: dict[str, Any]
    opted_out_at: datetime | None
    moved: list[int]
    twins: list[Twin]
    silenced: list[int]


def joined(kept: Record, other: Record) -> Joined:
    filled = {n: other.fields[n] for n in FIELDS if other.says(n) and not kept.says(n)}
    at = [r.opted_out_at for r in (kept, other) if r.opted_out_at is not None]
    if not at and (stopped := _said_by_both(kept, other)) is not None:
        at = [stopped]
    have = {phone.contact_id: phone for phone in kept.phones}
    both = [(have[p.contact_id], p) for p in other.phones if p.contact_id in have]
    return Joined(
        filled,
        min(at, default=None),
        [phone.id for phone in other.phones if phone.contact_id not in have],
        [Twin(k.id, o.id, _one(k, o)) for k, o in both if o.removed_at is None],
        _silenced(kept, other),
    )


def _one(kept: Phone, other: Phone) -> dict[str, Any]:
    """What changes about a number that both have, the other one still. Put there by hand on one of
    the two is put there by hand."""
    changes: dict[str, Any] = {}
    if kept.removed_at is not None:
        changes = {"removed_at": None, "type": other.type, "imported": other.imported}
    elif kept.imported and not other.imported:
        changes = {"imported": False}
    if other.verified_at is not None and kept.verified_at is None:
        changes |= {"verified_at": other.verified_at, "verified_by": other.verified_by}
    return changes


def _said_by_both(kept: Record, other: Record) -> datetime | None:
    """When a STOP came from a number of both, which was a word of neither then; None where a number
    was switched on since."""
    own = {phone.contact_id for phone in _current(kept.phones)}
    stops = [
        phone.changed_at
        for phone in _current(other.phones)
        if phone.contact_id in own and phone.own_stop and phone.changed_at is not None
    ]
    since = [
        phone.changed_at
        for phone in _current((*kept.phones, *other.phones))
        if phone.status is SmsStatus.ENABLED and phone.changed_at is not None
    ]
    at = min(stops, default=None)
    return None if at is None or any(on > at for on in since) else at


def _silenced(kept: Record, other: Record) -> list[int]:
    """Who said STOP on one number said it for all (S3-54): also for those that were on a record of
    their own until now."""
    if kept.opted_out_at is not None and other.opted_out_at is not None:
        return []
    if kept.opted_out_at is None and other.opted_out_at is None:
        if _said_by_both(kept, other) is None:
            return []
        reached, silent = set(), _current((*kept.phones, *other.phones))
    else:
        spoke, still = (other, kept) if kept.opted_out_at is None else (kept, other)
        reached = {phone.contact_id for phone in _current(spoke.phones)}
        silent = _current(still.phones)
    off = [
        phone.contact_id
        for phone in silent
        if phone.contact_id not in reached and phone.status is not SmsStatus.DISABLED
    ]
    return list(dict.fromkeys(off))


def _current(phones: Iterable[Phone]) -> list[Phone]:
    return [phone for phone in phones if phone.removed_at is None]


# Undoing


class Late(StrEnum):
    """Why a merge cannot be undone; the code of the 409."""

    UNDONE = "undone_already"
    OVER = "undo_over"
    NOT_LAST = "undo_later_first"


WHY_LATE = {
    Late.UNDONE: "This merge was undone already.",
    Late.OVER: f"A merge can be undone for {UNDO_FOR.days} days, and these are over.",
    Late.NOT_LAST: "There is a later merge of this person. Undo that one first.",
}


def too_late(at: datetime, now: datetime, *, undone: bool, is_last: bool) -> Late | None:
    if undone:
        return Late.UNDONE
    if now >= at + UNDO_FOR:
        return Late.OVER
    return None if is_last else Late.NOT_LAST


def told_merged(kept: str, other: str, by: str) -> str:
    """What the conversations show."""
    if kept == other:
        return f"Two records of {kept} became one, by {by}"
    return f"{other} and {kept} became one record, by {by}"


def told_undone(kept: str, other: str, by: str) -> str:
    if kept == other:
        return f"The records of {kept} are two again, by {by}"
    return f"{other} and {kept} are two records again, by {by}"
