"""Receiving: texts that came in. Stored once, brought to their thread, and their STOP obeyed at
once.

Works on a batch with a fixed number of statements: read the facts of all texts, ask the rules for
each, write all. A text that is stored already changes nothing (I1, I4).
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from flask import current_app
from sqlalchemy import insert, select, update

from app import clock
from app.config import Settings
from app.database import after_commit, database_now, db, retrying, transaction, upsert
from app.models import (
    Attempt,
    ConsentEntry,
    ContactNumber,
    Conversation,
    Direction,
    Institution,
    Message,
    Person,
    Picture,
    ProviderAccount,
    SenderNumber,
)
from app.points import reached
from app.providers import InboundSms
from app.rules.consent import ConsentEvent, DisabledBy, SmsStatus
from app.rules.dispatch import Channel
from app.rules.keywords import Keyword, classify
from app.rules.lifecycle import Status
from app.services import asking, auto_answers, consent, facts, held, keyword_replies, threads
from app.services.late import Later, Listing, said_after
from app.services.placing import Pair, Placing

log = structlog.get_logger()

_ABOUT_CONSENT = (Keyword.STOP, Keyword.START, Keyword.VAGUE_STOP)
_MARKERS = {
    Keyword.STOP: "{name} texted {word} and is opted out",
    Keyword.START: "{name} texted {word} and is opted in",
}


@dataclass(slots=True)
class Arrival:
    """One new text on its way into the database."""

    text: InboundSms
    account: ProviderAccount
    institution_id: int
    number: SenderNumber | None  # None: sent to a number that is not ours (W17)
    contact: ContactNumber
    thread: Conversation | None = None
    message_id: int = 0
    keyword: Keyword = Keyword.NONE
    first: bool = field(default=False)  # nothing of ours went out on this pair before (D17)
    later: Later = field(default=Later())  # what is known to have been said after it

    @property
    def pair(self) -> Pair:
        return Pair(self.number.id if self.number else None, self.contact.id)

    def said_at(self, now: datetime) -> datetime:
        return self.text.at or now


@retrying
def receive_many(texts: Sequence[InboundSms], listing: Listing | None = None) -> list[int]:
    """Store these texts with all that follows from them, in one transaction.

    `listing`: they are found late, in it; what was said after them stands.
    Returns the contact numbers that opted out: the caller waits for their calls (`wait_for_calls`).
    """
    now = clock.now()
    with transaction():
        arrivals = _arrivals(texts, now)
        placing = Placing(arrivals)
        for arrival in arrivals:
            arrival.thread = placing.thread_of(arrival, arrival.said_at(now))
            arrival.first = placing.is_first(arrival.pair)
            arrival.keyword = _keyword(arrival)
            _store(arrival, now)
            if listing and arrival.keyword in _ABOUT_CONSENT:
                arrival.later = _later(arrival, listing)
            if not arrival.later.about_it:
                _follow(arrival, now)
                keyword_replies.answer(arrival, now)
        auto_answers.answer(arrivals, now)
        after_commit(partial(reached, "receiving.committed"))
        reached("receiving.written")
        return _silenced(texts)


def _silenced(texts: Sequence[InboundSms]) -> list[int]:
    """The numbers that these texts opted out; also where a text was stored before, because whoever
    sends a STOP again must not be answered earlier (D14)."""
    stored = (
        select(Message.id)
        .join(ProviderAccount, ProviderAccount.id == Message.provider_account_id)
        .where(
            ProviderAccount.account_sid.in_({t.account_sid for t in texts}),
            Message.provider_sid.in_({t.sid for t in texts}),
        )
    )
    rows = db.session.execute(
        select(ConsentEntry.contact_number_id)
        .where(ConsentEntry.message_id.in_(stored), ConsentEntry.to_status == SmsStatus.DISABLED)
        .distinct()
    )
    return list(rows.scalars())


def wait_for_calls(contact_ids: Sequence[int]) -> None:
    """Wait until no call to these numbers is on the wire any more, `stop_wait` seconds at most
    (D14).

    Every call that begins from now on has seen the opt-out; after this no text to them is under
    way.
    """
    settings: Settings = current_app.config["SETTINGS"]
    ends = time.monotonic() + settings.timing.stop_wait
    calling = select(Attempt.id).where(
        Attempt.contact_number_id.in_(contact_ids),
        Attempt.calling_at > database_now(-settings.timing.lease),  # an older one has died
        Attempt.answered_at.is_(None),
    )
    while contact_ids:
        still = db.session.execute(calling.limit(1)).first()
        db.session.rollback()  # nothing is held while we wait
        if still is None:
            return
        if time.monotonic() > ends:
            log.error("stop_answered_with_calls_on_the_wire", numbers=len(contact_ids))
            return
        time.sleep(0.02)


def _arrivals(texts: Sequence[InboundSms], now: datetime) -> list[Arrival]:
    """The texts that are not stored yet, each with its account and numbers, which are locked."""
    accounts = {
        account.account_sid: account
        for account in db.session.execute(
            select(ProviderAccount).where(
                ProviderAccount.account_sid.in_({t.account_sid for t in texts})
            )
        ).scalars()
    }
    ours = {
        number.e164: number
        for number in db.session.execute(
            select(SenderNumber).where(SenderNumber.e164.in_({t.to for t in texts}))
        ).scalars()
    }
    whose = [(t, _institution_of(t, accounts, ours)) for t in texts if t.account_sid in accounts]
    contacts = _contacts({(institution, t.from_) for t, institution in whose})
    stored = _stored_sids(accounts.values(), texts)
    arrivals: dict[str, Arrival] = {}
    for text, institution_id in whose:
        account = accounts[text.account_sid]
        if (account.id, text.sid) in stored or text.sid in arrivals:
            continue
        number = ours.get(text.to)
        if number is not None and number.institution_id != institution_id:
            number = None
        arrivals[text.sid] = Arrival(
            text, account, institution_id, number, contacts[institution_id, text.from_]
        )
    return list(arrivals.values())


def _institution_of(
    text: InboundSms, accounts: dict[str, ProviderAccount], ours: dict[str, SenderNumber]
) -> int:
    """By the number it was sent to, where that is in this account; else the account's own (contract
    3)."""
    account, number = accounts[text.account_sid], ours.get(text.to)
    if number is not None and number.provider_account_id == account.id:
        return number.institution_id
    return account.institution_id


def _contacts(wanted: set[tuple[int, str]]) -> dict[tuple[int, str], ContactNumber]:
    """The senders' numbers, made where they are new, locked in the order of their ids: repeats of
    one webhook wait here for each other."""
    rows = [{"institution_id": i, "e164": e164, "status": "default"} for i, e164 in sorted(wanted)]
    db.session.execute(upsert(ContactNumber).on_conflict_do_nothing(), rows)
    ids = db.session.execute(
        select(ContactNumber.id).where(
            ContactNumber.institution_id.in_({i for i, _ in wanted}),
            ContactNumber.e164.in_({e164 for _, e164 in wanted}),
        )
    ).scalars()
    found = consent.lock(list(ids), with_siblings=True).values()
    return {(number.institution_id, number.e164): number for number in found}


def _stored_sids(
    accounts: Iterable[ProviderAccount], texts: Sequence[InboundSms]
) -> set[tuple[int, str]]:
    """Asked only now, under the locks, so that the answer stays true."""
    rows = db.session.execute(
        select(Message.provider_account_id, Message.provider_sid).where(
            Message.provider_account_id.in_([a.id for a in accounts]),
            Message.provider_sid.in_({t.sid for t in texts}),
        )
    )
    return {(account, sid) for account, sid in rows if account and sid}


def _keyword(arrival: Arrival) -> Keyword:
    institution = db.session.get_one(Institution, arrival.institution_id)
    return classify(
        arrival.text.body,
        stopped_here=arrival.contact.disabled_by is DisabledBy.OWN_STOP,
        provider_says=arrival.text.says,
        more_stop=institution.more_stop_words,
        more_start=institution.more_start_words,
    )


def _later(arrival: Arrival, listing: Listing) -> Later:
    assert arrival.thread is not None
    person_id = arrival.thread.person_id
    return said_after(listing, arrival.text.sid, arrival.contact.id, person_id)


def _store(arrival: Arrival, now: datetime) -> None:
    """The message, its pictures, the summary of its thread, and the events."""
    text, thread, said_at = arrival.text, arrival.thread, arrival.said_at(now)
    assert thread is not None
    message = Message(
        institution_id=arrival.institution_id,
        conversation_id=thread.id,
        holder_id=thread.staff_id,
        org_unit_id=thread.org_unit_id,
        person_id=thread.person_id,
        direction=Direction.INBOUND,
        channel=Channel.SMS,
        status=Status.RECEIVED,
        body=text.body,
        keyword=arrival.keyword,
        sender_number_id=arrival.number.id if arrival.number else None,
        contact_number_id=arrival.contact.id,
        from_address=text.from_,
        to_address=text.to,
        provider_account_id=arrival.account.id,
        provider_sid=text.sid,
        decision=[],
        created_at=said_at,
    )
    db.session.add(message)
    db.session.flush()
    arrival.message_id = message.id
    if text.pictures:
        db.session.execute(
            insert(Picture),
            [
                {
                    "institution_id": arrival.institution_id,
                    "message_id": message.id,
                    "url": url,
                    "content_type": kind,
                }
                for url, kind in text.pictures
            ],
        )
    threads.note_message(thread, message)
    thread.unread += 1
    thread.in_contact_id = arrival.contact.id
    thread.in_number_id = arrival.number.id if arrival.number else None
    held.ask_first(thread.id, said_at)
    facts.touched(message, now)
    threads.announce_new(thread, message)


def _follow(arrival: Arrival, now: datetime) -> None:
    """What the words of the text change (D14, D16, D17, D20)."""
    thread, contact = arrival.thread, arrival.contact
    assert thread is not None
    match arrival.keyword:
        case Keyword.STOP:
            if arrival.number:
                consent.block_pair(arrival.institution_id, arrival.number.id, contact.id, now)
            spared = arrival.later.started
            consent.opt_out(*_spoken(arrival), **_told(arrival, now), spared=spared)
        case Keyword.START:
            if arrival.number:
                consent.unblock_pair(arrival.number.id, contact.id)
            consent.opt_in(*_spoken(arrival), **_told(arrival, now))
        case Keyword.VAGUE_STOP:
            thread.ask_opt_out = arrival.text.body[:300]
            thread.ask_contact_id = contact.id
            db.session.execute(
                update(ContactNumber)
                .where(ContactNumber.id == contact.id)
                .values(bulk_paused_at=now)
            )
    plain = arrival.keyword in (Keyword.STOP, Keyword.START)
    if plain:  # answers what a vague one left open
        contact.bulk_paused_at = None
        if thread.ask_contact_id == contact.id:
            asking.ask_next(thread)
    if arrival.keyword in (Keyword.NONE, Keyword.VAGUE_STOP, Keyword.HELP):
        event = ConsentEvent.WROTE_FIRST if arrival.first else ConsentEvent.REPLIED
        change = consent.Change(contact.id, event, "wrote first", message_id=arrival.message_id)
        consent.apply(arrival.institution_id, [change], now)


def _spoken(arrival: Arrival) -> tuple[int, int, int | None]:
    assert arrival.thread is not None
    return arrival.institution_id, arrival.contact.id, arrival.thread.person_id


def _told(arrival: Arrival, now: datetime) -> dict[str, Any]:
    thread = arrival.thread
    assert thread is not None
    person = db.session.get(Person, thread.person_id) if thread.person_id else None
    name = person.given_name if person else "This number"
    word = " ".join(arrival.text.body.split())[:40].upper() or arrival.keyword.upper()
    return {
        "words": arrival.text.body[:300],
        "now": now,
        "said_at": arrival.said_at(now),
        "marker": _MARKERS[arrival.keyword].format(name=name, word=word),
        "message_id": arrival.message_id,
    }
