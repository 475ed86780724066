"""Shown: rows as the inbox shows them. Words and icons are chosen here, markup is in the
templates."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import clock
from app.models import (
    Conversation,
    Direction,
    Institution,
    Message,
    Person,
    PersonKind,
)
from app.routes.filters import until
from app.rules import keywords, words
from app.rules.access import Viewer
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.dispatch import Channel, Facts, Step
from app.rules.keywords import Keyword
from app.rules.lifecycle import FAILURES, Status
from app.rules.phones import pretty
from app.rules.reasons import Reason
from app.rules.recipient import Phone, why_not
from app.rules.words import Names, StatusWords
from app.services.emails import detail_of
from app.services.inbox import Row, needs_answer


@dataclass(frozen=True, slots=True)
class Tag:
    tone: str
    icon: str
    text: str


@dataclass(frozen=True, slots=True)
class ListRow:
    id: int
    title: str
    at: datetime
    snippet: str
    unread: int
    needs: str
    sent: StatusWords | None  # how far their last word from us is
    tags: list[Tag]
    holder: str | None
    archived: bool


def list_row(row: Row, viewer: Viewer, units: Mapping[int, str] | None = None) -> ListRow:
    """`units`: the names of those that are told of what nobody holds."""
    thread, last = row.thread, row.last
    ours = last if last is not None and last.direction is Direction.OUTBOUND else None
    mine = thread.staff_id == viewer.staff_id
    needs = _needs(row, failed=ours is not None and ours.status in FAILURES)
    said = "You: " if ours and mine else ""
    unit = (units or {}).get(thread.org_unit_id or 0)
    free = f"Unclaimed in {unit}" if unit else "Unclaimed"
    holder = None if mine else (row.holder.name if row.holder else free)
    return ListRow(
        thread.id,
        row.title(viewer.region),
        thread.last_message_at,
        said + _snippet(thread, last),
        thread.unread,
        needs,
        status_words(ours) if ours else None,
        _tags(row, ours, needs),
        holder,
        thread.archived_at is not None,
    )


def _needs(row: Row, *, failed: bool) -> str:
    """What is most pressing about it; css marks it."""
    if row.thread.unread:
        return "unread"
    if failed:
        return "problem"
    if _opted_out(row):
        return "opted_out"
    return "answer" if needs_answer(row.thread) else "sent"


def _opted_out(row: Row) -> bool:
    return row.person is not None and row.person.opted_out_at is not None


def _tags(row: Row, ours: Message | None, needs: str) -> list[Tag]:
    """`ours`: the last message, if it is from us."""
    thread, tags = row.thread, []
    if ours is not None:
        failed = ours.status in FAILURES
        if failed:
            shown = words.TEXT_STATUS[ours.status]
            tags.append(Tag("bad", shown.icon, shown.word))
        if ours.email_id and not (failed and ours.channel is Channel.EMAIL):
            tags.append(Tag("mail", "mail", "Went by email"))
    if thread.ask_opt_out:
        tags.append(Tag("warn", "circle-help", "Opt this person out?"))
    if _opted_out(row):
        tags.append(Tag("stop", "message-circle-off", "Opted out"))
    if row.person is None:
        tags.append(Tag("plain", "user-plus", "Who is this?"))
    if thread.snoozed_until:
        tags.append(Tag("plain", "alarm-clock", f"Snoozed until {until(thread.snoozed_until)}"))
    elif needs == "answer":
        waits = ago(clock.now() - thread.last_message_at)
        tags.append(Tag("text", "corner-up-left", f"Needs answer, {waits}"))
    return tags


def ago(past: timedelta) -> str:
    """How long, roughly: just now, 5 minutes, 2 hours, 3 days."""
    minutes = past // timedelta(minutes=1)
    for size, unit in ((1440, "day"), (60, "hour"), (1, "minute")):
        if count := minutes // size:
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return "just now"


def _snippet(thread: Conversation, last: Message | None) -> str:
    if last is not None and is_keyword(last):
        return f"Texted {thread.snippet}"
    return thread.snippet or ("Picture" if last is not None else "Text for later")


def is_keyword(message: Message) -> bool:
    if message.direction is Direction.OUTBOUND:
        return False
    said = keywords.classify(message.body, stopped_here=True)
    return said in (Keyword.STOP, Keyword.START)


def status_words(message: Message) -> StatusWords:
    of_email = message.status not in (Status.HELD, Status.CANCELED)  # those never became one
    if message.channel is Channel.EMAIL and of_email:
        return words.EMAIL_STATUS.get(message.status, words.EMAIL_STATUS[Status.QUEUED])
    return words.TEXT_STATUS[message.status]


def reason_detail(message: Message) -> str:
    if message.reason is Reason.DELIVERY_FAILED:
        return message.error_code or ""
    return detail_of(steps_of(message))


def steps_of(message: Message) -> list[Step]:
    return [Step(*step) for step in message.decision]


@dataclass(frozen=True, slots=True)
class PhoneView:
    number: str
    status: str
    note: str
    verified: str | None


@dataclass(frozen=True, slots=True)
class Details:
    name: str
    lines: list[str]
    phones: list[PhoneView]
    opted_out: bool
    maybe: list[str]
    person_id: int | None
    may_identify: bool = False  # may say who it is
    why: None = None


def person_lines(person: Person) -> list[str]:
    kind = "Person" if person.kind is PersonKind.UNKNOWN else person.kind.value.capitalize()
    first = f"{kind} {person.source_id}" if person.source_id else kind
    return [first, *([person.email] if person.email else [])]


@dataclass(frozen=True, slots=True)
class Card:
    """A person to be written to, in short."""

    id: int
    name: str
    detail: str
    opted_out: bool


def card(person: Person) -> Card:
    opted_out = person.opted_out_at is not None
    return Card(person.id, person.name, ", ".join(person_lines(person)), opted_out)


def phone_view(
    phone: Phone, facts: Facts, region: str, verified: str | None, texted: int | None
) -> PhoneView:
    """One phone with its status, what follows from it, and whether texts go there."""
    follows = ""
    if phone.contact_id == texted:
        follows = "Texts go here."
    elif phone.consent.by in (DisabledBy.OWN_STOP, DisabledBy.PERSON_STOP):
        follows = "Opted out by text."
    elif phone.consent.by is DisabledBy.STAFF:
        follows = "Switched off by staff."
    elif phone.consent.by is DisabledBy.INVALID:
        follows = "Cannot get texts."
    elif phone.consent.status is SmsStatus.DEFAULT and why_not(phone, facts.defaults):
        follows = "Not texted by default."
    kind = phone.type.value.capitalize() if phone.id else ""  # nobody's number has none
    note = ". ".join(part for part in (kind, follows) if part)
    return PhoneView(pretty(phone.e164, region), phone.consent.status.value, note, verified)


def names_of(person: Person | None, institution: Institution) -> Names:
    return Names(
        person.given_name if person else "this number",
        institution.name,
        person.kind.value if person else "people",
        institution.region,
        institution.default_phone_type.value,
    )
