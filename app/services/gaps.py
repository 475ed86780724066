"""Gaps: texts that did not reach us. The provider keeps them, and is asked for them (D42).

That some may have been missed is not left to any process's memory: a web process, which is what
stores them, beats in the database. A beat that finds the last one too old, or that follows a
webhook which could not be stored, notes for every account that texts may have been missed until
now. From then on nothing is sent for it until an import that began later has brought in all of
them, because a STOP may be among them.
"""

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from operator import attrgetter
from typing import TypeVar

import structlog
from flask import current_app
from sqlalchemy import ColumnElement, and_, func, or_, select, update

from app import clock, jobs
from app.config import Settings, Timing
from app.database import after_commit, database_now, db, retrying, transaction, upsert
from app.errors import ProviderDenied
from app.jobs import Job
from app.models import Beat, Message, ProviderAccount, SenderNumber
from app.providers import InboundSms
from app.services import accounts, alerts, receiving
from app.services.late import Listing

T = TypeVar("T")
log = structlog.get_logger()

_BATCH = 50  # texts stored in one transaction: no webhook waits long for its turn
_ASKED = 500  # ids in one question to the database
_BEAT = 1  # the id of the one row

turned_away = threading.Event()  # this process answered a webhook 503, or could not beat


def _timing() -> Timing:
    settings: Settings = current_app.config["SETTINGS"]
    return settings.timing


def missed() -> ColumnElement[bool]:
    """Whether texts to an account may not have reached us; a condition on `ProviderAccount`."""
    return and_(
        ProviderAccount.missed_at.is_not(None),
        ProviderAccount.missed_at > ProviderAccount.imported_until,
    )


def beating() -> ColumnElement[bool]:
    """Whether what comes in can be stored."""
    return select(Beat.id).where(Beat.at > database_now(-_timing().outage)).exists()


def may_deliver() -> ColumnElement[bool]:
    """Whether an account may send, because no STOP can have been missed; a condition on
    `ProviderAccount`."""
    return and_(~missed(), beating())


@retrying
def beat() -> None:
    """Say that what comes in can be stored; note an outage where nobody has said so for long, or
    where this process has turned a webhook away."""
    missed_some = turned_away.is_set()
    with transaction():
        if missed_some:  # else what is turned away meanwhile is for the next beat
            after_commit(turned_away.clear)
        in_time = db.session.execute(
            update(Beat)
            .where(Beat.at > database_now(-_timing().outage))
            .values(at=database_now())
            .returning(Beat.id)
        ).first()
        if in_time and not missed_some:
            return
        first = upsert(Beat).values(id=_BEAT, at=database_now())
        again = first.on_conflict_do_update(index_elements=[Beat.id], set_={"at": database_now()})
        db.session.execute(again)
        db.session.execute(update(ProviderAccount).values(missed_at=database_now()))
        after_commit(lambda: log.warning("outage_ended"))
        after_commit(lambda: jobs.ring(Job.IMPORT))


def accounts_due() -> list[int]:
    """The accounts to import now: after an outage at once, else every `import_every` seconds.

    Not a stopped one: it sends nothing, and is imported when somebody saves it again.
    """
    long_ago = ProviderAccount.imported_until < database_now(-_timing().import_every)
    rows = db.session.execute(
        select(ProviderAccount.id)
        .where(ProviderAccount.stopped_reason.is_(None), or_(missed(), long_ago))
        .order_by(ProviderAccount.imported_until)
    )
    return list(rows.scalars())


def import_account(account_id: int) -> int:
    """Store every text that the provider got for our numbers and we have not; how many.

    The bookmark moves when all of them are stored, so it may fail anywhere and run again; a text
    that arrives meanwhile is stored once (I1). Raises ProviderError where the list could not be
    read: then nothing has changed. ProviderDenied also stops the account (D35).
    """
    asked_at = clock.now()
    began, newest_id = db.session.execute(
        select(database_now(), func.coalesce(func.max(Message.id), 0))
    ).one()
    try:
        listing = Listing(_listed(account_id), newest_id)
    except ProviderDenied as denied:
        with transaction():
            if accounts.stop(account_id, str(denied), asked_at):
                account = db.session.get_one(ProviderAccount, account_id)
                alerts.account_stopped(account.institution_id, str(denied))
        raise
    found = _not_stored(account_id, listing.texts)
    for batch in _parts(found, _BATCH):
        receiving.wait_for_calls(receiving.receive_many(batch, listing))
    with transaction():
        db.session.execute(
            update(ProviderAccount)
            .where(ProviderAccount.id == account_id, ProviderAccount.imported_until < began)
            .values(imported_until=began)
        )
        after_commit(lambda: jobs.ring(Job.DELIVER))
    if found:
        log.warning("gap_imported", account=account_id, texts=len(found))
    return len(found)


def _listed(account_id: int) -> list[InboundSms]:
    """What the provider got for our numbers since a little before the bookmark, oldest first.

    Number by number where texts were missed: a list of everything is mostly what we sent, and may
    be cut short.
    """
    since, each = db.session.execute(
        select(ProviderAccount.imported_until, missed()).where(ProviderAccount.id == account_id)
    ).one()
    since -= timedelta(seconds=_timing().import_overlap)
    numbers = select(SenderNumber.e164).where(SenderNumber.provider_account_id == account_id)
    ours = set(db.session.execute(numbers).scalars())
    provider = accounts.provider(account_id)
    db.session.rollback()  # nothing is held while the provider is asked
    lists = [provider.received(since, to) for to in (sorted(ours) if each else [None])]
    texts = [text for each_list in lists for text in each_list if text.to in ours]
    texts.reverse()
    texts.sort(key=attrgetter("at"))  # stable: texts of one second stay as they were listed
    return texts


def _not_stored(account_id: int, texts: Sequence[InboundSms]) -> list[InboundSms]:
    stored: set[str | None] = set()
    for some in _parts(texts, _ASKED):
        sids = select(Message.provider_sid).where(
            Message.provider_account_id == account_id,
            Message.provider_sid.in_([text.sid for text in some]),
        )
        stored.update(db.session.execute(sids).scalars())
    return [text for text in texts if text.sid not in stored]


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
