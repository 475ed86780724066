"""Events: what changed, told to the browsers that may care.

An event names rows and states, never a text, a name or a number: the browser asks for the row with
its own session, so access is checked in one place and an event can leak nothing. It is a row
written in the transaction it reports, numbered without gaps per institution, so a reader with a
bookmark misses nothing. Redis only rings: whoever hears the bell, or nothing for five seconds,
reads the table.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sqlalchemy import insert, select, update

from app import clock, jobs
from app.database import after_commit, before_commit, db
from app.models import EventCounter, EventRow
from app.rules.access import Whose, conversation_audience

BATCH = 200  # events read together
REPLAY_LIMIT = 1000  # a bookmark further back than this is told to reload


@dataclass(frozen=True, slots=True)
class Event:
    """`name`: noun.past_tense. `audience`: the words of `rules.access`; one of them lets it
    through."""

    name: str
    ids: dict[str, int] = field(default_factory=dict)
    audience: tuple[str, ...] = ()
    status: str | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """An event as it is read back."""

    seq: int
    audience: frozenset[str]
    frame: dict[str, Any]  # as it goes to a browser


def about_conversation(
    name: str, conversation_id: int, whose: Whose, status: str | None = None, **ids: int
) -> Event:
    """An event for the holder of a conversation and whoever else sees it."""
    audience = conversation_audience(whose)
    return Event(name, {"conversation": conversation_id, **ids}, audience, status)


def publish(institution_id: int, *events: Event) -> None:
    """Announce `events` with the open transaction.

    They are kept back until its end: the institution's next numbers are taken by one UPDATE as the
    last statement before the commit, so the row lock makes commit order number order and is held
    only for the commit itself.
    """
    info = db.session().info
    waiting: dict[int, list[Event]] | None = info.get("events")
    if waiting is None:
        waiting = info["events"] = defaultdict(list)
        before_commit(_write)
    waiting[institution_id].extend(e for e in events if e not in waiting[institution_id])


def _write() -> None:
    waiting: dict[int, list[Event]] = db.session().info.pop("events")
    now = clock.now()
    for institution_id, events in sorted(waiting.items()):
        last = db.session.execute(
            update(EventCounter)
            .where(EventCounter.institution_id == institution_id)
            .values(seq=EventCounter.seq + len(events))
            .returning(EventCounter.seq)
        ).scalar_one()
        first = last - len(events) + 1
        db.session.execute(
            insert(EventRow),
            [
                {
                    "institution_id": institution_id,
                    "seq": seq,
                    "name": e.name,
                    "ids": e.ids,
                    "status": e.status,
                    "audience": " ".join(sorted(set(e.audience))),
                    "at": now,
                }
                for seq, e in enumerate(events, first)
            ],
        )
        after_commit(partial(jobs.ring_bell, institution_id))


def newest(institution_id: int) -> int:
    """The bookmark of right now. Read it before the queries of a page, never after."""
    counter = select(EventCounter.seq).where(EventCounter.institution_id == institution_id)
    return db.session.execute(counter).scalar_one()


def newest_of(institution_ids: Collection[int]) -> dict[int, int]:
    """The same of several institutions at once."""
    counters = select(EventCounter.institution_id, EventCounter.seq)
    rows = db.session.execute(counters.where(EventCounter.institution_id.in_(institution_ids)))
    return {institution_id: seq for institution_id, seq in rows.tuples()}  # noqa: C416


def after(institution_id: int, seq: int) -> list[Numbered]:
    """The next events after bookmark `seq`, at most BATCH, oldest first, for every audience."""
    rows = db.session.execute(
        select(EventRow.seq, EventRow.name, EventRow.ids, EventRow.status, EventRow.audience)
        .where(EventRow.institution_id == institution_id, EventRow.seq > seq)
        .order_by(EventRow.seq)
        .limit(BATCH)
    )
    return [
        Numbered(
            number,
            frozenset(audience.split()),
            {"seq": number, "name": name, "ids": ids} | ({"status": status} if status else {}),
        )
        for number, name, ids, status, audience in rows
    ]


def visible(events: Iterable[Numbered], words: frozenset[str]) -> list[dict[str, Any]]:
    """The frames that somebody with these audience words may see."""
    return [e.frame for e in events if e.audience & words]
