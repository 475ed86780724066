"""Overview: every message in and out that somebody may see, filtered and in order (S4-1..S4-11).

One statement for a page, whatever is asked: it chooses the rows by an index of their order, and
reads what belongs to them. Where everybody's messages are listed by status, each status is a range
of that index, so that three statuses of a million messages cost three short walks; of few org units
each is a range in the same way.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, select, union_all
from sqlalchemy.orm import aliased

from app.database import db, few_with_words, has_word, only_checked
from app.errors import NotFound
from app.models import (
    Conversation,
    Email,
    Message,
    OrgUnit,
    Person,
    ProviderAccount,
    SenderNumber,
    Staff,
)
from app.rules import search
from app.rules.access import Viewer
from app.rules.dispatch import Channel
from app.rules.lifecycle import Status
from app.rules.listing import Listed, Pair, Part, parts
from app.services import ends, exporting, inbox
from app.services.org_units import Within

PAGE = 50  # messages
FEW_UNITS = 20  # each of which is a range of an index; of more, the time is walked along
RARE = 2000  # messages with a word that are sorted; of more, the latest are soon found in order
MOST_NEW = 100  # counted before it is "100 or more"


class Sort(StrEnum):
    SENT = "sent"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is listed. `phone`: the other side; `from_`, `to`: either side, as typed. `error`: the
    provider's code. `within`: made in this org unit or below. `since` <= sent on < `until`. `down`:
    the latest first, or the highest status; within a status the latest is always first."""

    text: str = ""
    phone: str = ""
    from_: str = ""
    to: str = ""
    error: str = ""
    since: datetime | None = None
    until: datetime | None = None
    statuses: frozenset[Listed] = frozenset()
    within: Within | None = None
    sort: Sort = Sort.SENT
    down: bool = True

    @property
    def said(self) -> dict[str, Any]:
        """What is asked for, as an audit entry keeps it."""
        found = {
            "text": self.text,
            "phone": self.phone,
            "from": self.from_,
            "to": self.to,
            "error": self.error,
            "since": self.since and self.since.isoformat(),
            "until": self.until and self.until.isoformat(),
            "status": sorted(each.value for each in self.statuses),
            "org unit": self.within and self.within.name,
        }
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the list a row stands: what comes after it is the next page."""

    status: Status
    channel: Channel
    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Row:
    """One message with what belongs to it. `email`: the one it is, or the one that followed it;
    `resent_as`: the message that was sent instead; `ours`: the number of ours on its other end;
    `unit`: the name of the org unit that it was made in."""

    message: Message
    person: Person | None
    author: str | None
    email: Email | None
    provider: str | None
    ours: str | None
    resent_as: int | None
    unit: str | None

    @property
    def place(self) -> Place:
        message = self.message
        return Place(message.status, message.channel, message.created_at, message.id)


def seen_by(viewer: Viewer, *, few: bool = False) -> ColumnElement[bool]:
    """Who sees which message: who sees its conversation (C-19). Said of the message itself where
    that is everybody's, so that an index of all of them serves, unless another condition leaves a
    `few`; where it is a unit's, which may hold many conversations, of each message as it is
    found."""
    institution = only_checked(Message.institution_id) if few else Message.institution_id
    inside = institution == viewer.institution_id
    if viewer.sees_all:
        return inside
    seen = select(Conversation.id).where(inbox.seen_by(viewer))
    if viewer.units:
        return and_(inside, seen.where(Conversation.id == Message.conversation_id).exists())
    return Message.conversation_id.in_(seen)


def page(
    viewer: Viewer, wanted: Wanted, limit: int = PAGE, after: Place | None = None
) -> list[Row]:
    """The rows after a place, in the order that is wanted."""
    return _read(_chosen(viewer, wanted, limit, after), wanted)


def one(viewer: Viewer, message_id: int) -> Row:
    """Raises NotFound for a message that the viewer may not see."""
    if found := these(viewer, [message_id]):
        return found[0]
    raise NotFound("There is no such message.")


def these(viewer: Viewer, ids: Sequence[int]) -> list[Row]:
    """Messages by their ids, in that order, as they are now: those of them that the viewer may
    see."""
    wanted = select(*_KEY).where(Message.id.in_(ids), seen_by(viewer))
    found = {row.message.id: row for row in _read(wanted, Wanted())}
    return [found[id_] for id_ in ids if id_ in found]


def newer(viewer: Viewer, wanted: Wanted, than: Place) -> int:
    """How many have come since, at most MOST_NEW; of the latest first."""
    since = and_(
        Message.created_at >= than.at, or_(Message.created_at > than.at, Message.id > than.id)
    )
    found = select(Message.id).where(*_conditions(viewer, wanted), since).limit(MOST_NEW)
    return len(db.session.execute(found).all())


def export(viewer: Viewer, wanted: Wanted) -> Iterator[Row]:
    """All of them, read bit by bit in the order of time, which no report changes meanwhile; that
    they were exported is written down."""
    wanted = replace(wanted, sort=Sort.SENT)
    exporting.write_down(viewer, "messages.exported", wanted.said)
    return exporting.every(lambda after: page(viewer, wanted, exporting.BATCH, after))


# Choosing the rows

_KEY = (Message.id, Message.status, Message.channel, Message.created_at)


def _chosen(viewer: Viewer, wanted: Wanted, limit: int, after: Place | None) -> Any:
    narrow = bool(wanted.text or wanted.phone or wanted.from_ or wanted.to or wanted.error)
    if viewer.sees_more and not narrow:
        if viewer.sees_all and (wanted.sort is Sort.STATUS or wanted.statuses):
            return _joined(_ranges_of_statuses(viewer, wanted, limit, after), wanted, limit)
        units = wanted.within.units if wanted.within else ()
        if 0 < len(units) <= FEW_UNITS and wanted.sort is Sort.SENT:
            return _joined(_ranges_of_units(viewer, wanted, limit, after), wanted, limit)
    later = [_after(after, wanted)] if after else []
    rows = select(*_KEY).where(*_conditions(viewer, wanted), *later)
    return rows.order_by(*_order(Message, wanted)).limit(limit)


def _joined(ranges: list[Any], wanted: Wanted, limit: int) -> Any:
    every = union_all(*ranges).subquery() if ranges else select(*_KEY).where(false()).subquery()
    return select(every).order_by(*_order(every.c, wanted)).limit(limit)


def _ranges_of_statuses(
    viewer: Viewer, wanted: Wanted, limit: int, after: Place | None
) -> list[Any]:
    filtered = _filtered(viewer, wanted)
    by_status, ranges = wanted.sort is Sort.STATUS, []
    for pair, part in parts(wanted.statuses).items():
        if after and by_status and _is_before(pair, after, down=wanted.down):
            continue
        inside = after and (not by_status or pair == (after.status, after.channel))
        later = [_later(after, down=by_status or wanted.down)] if after and inside else []
        rows = select(*_KEY).where(*filtered, _is(pair), *_narrowed(part), *later)
        ordered = rows.order_by(*_by_time(Message, down=by_status or wanted.down))
        ranges.append(select(ordered.limit(limit).subquery()))
    return ranges


def _ranges_of_units(viewer: Viewer, wanted: Wanted, limit: int, after: Place | None) -> list[Any]:
    found = _conditions(viewer, replace(wanted, within=None))
    later = [_later(after, down=wanted.down)] if after else []
    ranges = []
    for unit in sorted(wanted.within.units if wanted.within else ()):
        rows = select(*_KEY).where(*found, Message.org_unit_id == unit, *later)
        ordered = rows.order_by(*_by_time(Message, down=wanted.down)).limit(limit)
        ranges.append(select(ordered.subquery()))
    return ranges


def _conditions(viewer: Viewer, wanted: Wanted) -> list[ColumnElement[bool]]:
    return [*_filtered(viewer, wanted), *_of(wanted.statuses)]


def _filtered(viewer: Viewer, wanted: Wanted) -> list[ColumnElement[bool]]:
    said = [_said(viewer, wanted.text)] if wanted.text.strip() else []
    with_ = [ends.other_side(viewer, wanted.phone)] if wanted.phone.strip() else []
    first = (*said, *with_)
    found = [seen_by(viewer, few=any(each.few for each in first)), *(each.where for each in first)]
    if wanted.from_.strip():
        found.append(ends.sent_from(viewer, wanted.from_))
    if wanted.to.strip():
        found.append(ends.sent_to(viewer, wanted.to))
    if wanted.error:
        found.append(Message.error_code == wanted.error)
    if wanted.within is not None:
        found.append(only_checked(Message.org_unit_id).in_(sorted(wanted.within.units)))
    if wanted.since is not None:
        found.append(Message.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(Message.created_at < wanted.until)
    return found


def _said(viewer: Viewer, typed: str) -> ends.Found:
    """All of the words that are typed, each the beginning of one; what holds no word is nowhere."""
    words = search.folded(typed).split()[: search.MOST_TERMS]
    if not words:
        return ends.Found(false())
    if viewer.sees_more:
        if (rare := few_with_words(Message, words, RARE)) is not None:
            return ends.Found(Message.id.in_(rare), few=True)
        return ends.Found(and_(*(has_word(Message, word) for word in words)))
    said = Message.words  # of few conversations: an index of words would bring everybody's
    return ends.Found(
        and_(*(or_(said.startswith(word), said.contains(f" {word}")) for word in words))
    )


def _of(statuses: Collection[Listed]) -> list[ColumnElement[bool]]:
    if not statuses:
        return []
    wanted = [and_(_is(pair), *_narrowed(part)) for pair, part in parts(statuses).items()]
    return [or_(*wanted)]


def _is(pair: Pair) -> ColumnElement[bool]:
    status, channel = pair
    return and_(Message.status == status, Message.channel == channel)


def _narrowed(part: Part) -> list[ColumnElement[bool]]:
    if part.all:
        return []
    ways: list[ColumnElement[bool]] = []
    if part.reasons:
        ways.append(Message.reason.in_(sorted(part.reasons)))
    if part.resent:
        ways.append(Message.resend_of.is_not(None))
    return [or_(*ways)]


# Orders


def _by_time(columns: Any, *, down: bool) -> tuple[Any, ...]:
    at, id_ = columns.created_at, columns.id
    return (at.desc(), id_.desc()) if down else (at.asc(), id_.asc())


def _order(columns: Any, wanted: Wanted) -> tuple[Any, ...]:
    if wanted.sort is Sort.SENT:
        return _by_time(columns, down=wanted.down)
    status, channel = columns.status, columns.channel
    first = (status.desc(), channel.desc()) if wanted.down else (status.asc(), channel.asc())
    return (*first, *_by_time(columns, down=True))


def _later(after: Place, *, down: bool) -> ColumnElement[bool]:
    """Of the rows in the order of time: those after this one."""
    at, id_ = Message.created_at, Message.id
    if down:
        return and_(at <= after.at, or_(at < after.at, id_ < after.id))
    return and_(at >= after.at, or_(at > after.at, id_ > after.id))


def _after(after: Place, wanted: Wanted) -> ColumnElement[bool]:
    if wanted.sort is Sort.SENT:
        return _later(after, down=wanted.down)
    status, channel, down = Message.status, Message.channel, wanted.down
    past = status < after.status if down else status > after.status
    beside = channel < after.channel if down else channel > after.channel
    here = status == after.status
    return or_(
        past,
        and_(here, beside),
        and_(here, channel == after.channel, _later(after, down=True)),
    )


def _is_before(pair: Pair, after: Place, *, down: bool) -> bool:
    """Whether all of these rows were on earlier pages."""
    here, there = (pair[0], pair[1].value), (after.status, after.channel.value)
    return here > there if down else here < there


# Reading what belongs to them


def _read(chosen: Any, wanted: Wanted) -> list[Row]:
    """The rows of `chosen`, which has at most a page of them."""
    keys, again = chosen.subquery(), aliased(Message)
    rows = db.session.execute(
        select(
            *(Message, Person, Staff.name, Email, ProviderAccount.kind, SenderNumber.e164),
            *(again.id, OrgUnit.name),
        )
        .join(keys, keys.c.id == Message.id)
        .outerjoin(Person, Person.id == Message.person_id)
        .outerjoin(Staff, Staff.id == Message.staff_id)
        .outerjoin(Email, Email.id == Message.email_id)
        .outerjoin(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .outerjoin(SenderNumber, SenderNumber.id == Message.sender_number_id)
        .outerjoin(again, again.resend_of == Message.id)
        .outerjoin(OrgUnit, OrgUnit.id == Message.org_unit_id)
        .order_by(*_order(Message, wanted))
    )
    return [Row(*row) for row in rows]
