"""Dispatching: what is decided about one message, taken and written down in the open
transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app

from app import jobs
from app.config import Settings
from app.database import after_commit, db
from app.errors import Conflict, Invalid
from app.models import Conversation, Direction, Message, PersonPhone, SenderNumber
from app.rules import standard_texts, texts, words
from app.rules.access import Viewer
from app.rules.dispatch import Channel, Decision, Refuse, SendEmail, SendSms, decide
from app.rules.lifecycle import Status
from app.rules.reasons import Reason
from app.rules.recipient import why_not
from app.services import alerts, emails, numbers
from app.services.deciding import Gathered, Target, gather
from app.services.usage import take_places

LONGEST_WAIT = timedelta(days=366)
_NO_NUMBER = (Reason.NUMBER_LIMIT_REACHED, Reason.POOL_EMPTY)
_MOST_ROUNDS = 50  # of deciding anew after losing a number or a place to somebody faster


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody wrote.

    `channel` "sms" = a text or nothing (D40); "email" = an email; None = whatever the decision
    says. `key`: the idempotency key; the same key is the same message, however often it arrives
    (I8). `send_at`: not before; None = now.
    """

    body: str
    phone_id: int | None = None
    channel: str | None = None
    key: str | None = None
    resend_of: int | None = None
    send_at: datetime | None = None


def decide_and_take(
    viewer: Viewer, target: Target, draft: Draft, now: datetime
) -> tuple[Decision, Gathered, int]:
    """Decide, and take what the decision needs: a number at the first text, places under the limit.

    Whoever loses one of these to somebody faster decides again on the new facts, so that a limit is
    never passed and a free number never missed (I10, I11). Raises Invalid for the text or the
    phone, Conflict for `channel` "sms".
    """
    for _ in range(_MOST_ROUNDS):
        savepoint = db.session.begin_nested()  # whoever looks again lets go of what was looked at
        gathered = gather(
            viewer,
            target,
            draft.body,
            now,
            chosen=draft.phone_id,
            wants_email=draft.channel == "email",
            taking=True,
        )
        check_input(draft, gathered)
        decision = decide(gathered.facts)
        if draft.channel == "sms" and not isinstance(decision, SendSms):
            raise _text_or_nothing(decision, target, gathered)
        if not isinstance(decision, SendSms):
            savepoint.commit()
            return decision, gathered, 0
        institution = gathered.institution
        number = decision.sender.number
        assign = decision.sender.assign
        if assign and not numbers.take(institution, number.id, viewer.staff_id, now):
            savepoint.rollback()
            continue
        places = take_places(
            institution, gathered.month, decision.segments, kept=gathered.facts.usage.kept
        )
        if places is None:
            savepoint.rollback()
            continue
        savepoint.commit()
        if assign:
            numbers.announce(institution.id, "number.assigned", number.id, viewer.staff_id)
        return decision, gathered, places
    raise Conflict("Too many people are sending at once. Try again.", code="busy")


def check_input(draft: Draft, gathered: Gathered) -> None:
    longest = gathered.institution.max_length
    if wrong := texts.problem(draft.body, longest) or texts.problem(gathered.body, longest):
        parts = gathered.facts.segments.parts
        hint = f" It would take {parts} texts." if parts > 1 else ""
        raise Invalid("body", wrong + hint)
    if unfilled := standard_texts.problem(draft.body):
        raise Invalid("body", unfilled)
    check_phone(draft.phone_id, gathered)


def check_phone(phone_id: int | None, gathered: Gathered) -> None:
    if phone_id is None:
        return
    phone = next((p for p in gathered.facts.phones if p.id == phone_id), None)
    if phone is None:
        raise Invalid("phone_id", "This person has no such phone.")
    if reason := why_not(phone, gathered.facts.defaults):
        raise Invalid("phone_id", f"This phone cannot be texted ({reason}).", code=reason.value)


def _text_or_nothing(decision: Decision, target: Target, gathered: Gathered) -> Conflict:
    reason = decision.reason
    assert reason is not None
    names = names_for(target, gathered)
    because = words.why_not_text(reason, names, emails.detail_of(decision.steps))
    return Conflict(f"Not sent as a text: {because}.", code=reason.value)


def names_for(target: Target, gathered: Gathered) -> words.Names:
    institution = gathered.institution
    person = target.person.given_name if target.person else "this number"
    return words.Names(
        person,
        institution.name,
        target.kind if target.person else "people",
        institution.region,
        institution.default_phone_type.value,
    )


def blank(viewer: Viewer, target: Target, thread: Conversation, draft: Draft) -> Message:
    """A message as it was written, before anything is decided about it."""
    return Message(
        institution_id=viewer.institution_id,
        conversation_id=thread.id,
        org_unit_id=thread.org_unit_id,
        staff_id=viewer.staff_id,
        person_id=target.person.id if target.person else None,
        direction=Direction.OUTBOUND,
        body=draft.body,
        idempotency_key=draft.key,
        resend_of=draft.resend_of,
    )


def put_on_its_way(
    message: Message,
    viewer: Viewer,
    decision: Decision,
    gathered: Gathered,
    places: int,
    now: datetime,
) -> None:
    """What was decided, into the message and its thread, in the open transaction: from here on
    workers see it."""
    message.created_at = now
    _carry(message, viewer, decision, gathered, now)
    message.places, message.month = places, gathered.month if places else None
    db.session.add(message)
    db.session.flush()
    if isinstance(decision, SendEmail):
        emails.write_fallback([message], viewer, gathered.institution, decision.to, now)
    if decision.reason in _NO_NUMBER:
        alerts.no_number(gathered.institution, viewer.name, decision)
    if message.channel is Channel.SMS:
        after_commit(lambda: jobs.ring(jobs.Job.DELIVER))


def _carry(
    message: Message, viewer: Viewer, decision: Decision, gathered: Gathered, now: datetime
) -> None:
    settings: Settings = current_app.config["SETTINGS"]
    message.channel, message.status = decision.channel, Status.QUEUED
    message.reason = decision.reason
    message.decision = [[step.rule, step.result, step.detail] for step in decision.steps]
    match decision:
        case SendSms(phone=phone, sender=sender):
            message.body = gathered.body
            number = db.session.get_one(SenderNumber, sender.number.id)
            number.last_used_at = now
            message.encoding = gathered.facts.segments.encoding
            message.segments = decision.segments
            message.sender_number_id, message.from_address = number.id, number.e164
            message.contact_number_id, message.to_address = phone.contact_id, phone.e164
            message.provider_account_id = number.provider_account_id
            message.due_at = now
            message.expires_at = now + timedelta(seconds=settings.timing.validity)
        case SendEmail(to=to):
            message.from_address, message.to_address = viewer.email, to
        case Refuse():
            message.status = Status.NOT_SENT
            message.error_code, message.error_message = "no_email", words.NO_EMAIL


# For later


def hold(
    viewer: Viewer, target: Target, thread: Conversation, draft: Draft, now: datetime
) -> Message:
    """Keep a message until its time, in the open transaction. Nothing is assigned or counted yet
    (D28); what would happen to it now is kept with it, and decided anew when it goes."""
    assert draft.send_at is not None
    check_time(draft.send_at, now)
    wants_email = draft.channel == "email"
    gathered = gather(
        viewer, target, draft.body, now, chosen=draft.phone_id, wants_email=wants_email
    )
    check_input(draft, gathered)
    decision = decide(gathered.facts)
    message = blank(viewer, target, thread, draft)
    message.channel, message.status = decision.channel, Status.HELD
    message.decision = [[step.rule, step.result, step.detail] for step in decision.steps]
    message.send_at, message.wish, message.created_at = draft.send_at, draft.channel, now
    message.contact_number_id = _contact_of(draft.phone_id)
    db.session.add(message)
    db.session.flush()
    return message


def check_time(send_at: datetime, now: datetime) -> None:
    if send_at <= now:
        raise Invalid("send_at", "Choose a time that is still to come.")
    if send_at > now + LONGEST_WAIT:
        raise Invalid("send_at", "Choose a time within a year.")


def _contact_of(phone_id: int | None) -> int | None:
    phone = db.session.get(PersonPhone, phone_id) if phone_id else None
    return phone.contact_number_id if phone else None
