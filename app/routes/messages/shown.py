"""Shown: messages as the overview shows them. Words and icons are chosen here."""

from dataclasses import dataclass
from datetime import datetime

from app.models import Direction, Message
from app.routes.filters import brief_day, clock_time, day
from app.routes.shown import status_words
from app.rules import words
from app.rules.access import Viewer
from app.rules.codes import look_up
from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES, Status
from app.rules.listing import BECAUSE_WORDS, Listed, called, why_no_text
from app.rules.phones import pretty
from app.rules.reasons import Reason
from app.rules.words import StatusWords
from app.services.overview import Row

_PROVIDERS = {"twilio": "Twilio"}
_EMAILS = {
    Listed.EMAIL_QUEUED: Status.QUEUED,
    Listed.EMAIL_SENT: Status.SENT,
    Listed.EMAIL_FAILED: Status.FAILED,
}


def label_of(listed: Listed) -> str:
    """As the filter names it."""
    if listed is Listed.RESENT:
        return "Resent"
    if listed in BECAUSE_WORDS:
        return BECAUSE_WORDS[listed]
    if listed in _EMAILS:
        return words.EMAIL_STATUS[_EMAILS[listed]].word
    return words.TEXT_STATUS[Status[listed.value.upper()]].word


def moment(at: datetime) -> str:
    """Today 8:12 am, Yesterday 2:06 pm, then Nov 18, 11:30 am, with another year than this."""
    said = day(at)
    return (
        f"{said} {clock_time(at)}"
        if said in ("Today", "Yesterday")
        else f"{brief_day(at)}, {clock_time(at)}"
    )


def number(address: str | None, region: str) -> str:
    return pretty(address, region) if address and address.startswith("+") else address or ""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a message: a name where there is one, and the address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class RowView:
    """`tip`: the plain meaning of the status, and what S4 calls it (D32)."""

    id: int
    text: str
    them: End
    sender: End
    at: datetime
    sent_on: str
    status: StatusWords
    tip: str
    because: str | None
    error: str | None
    email: StatusWords | None
    kind: str
    provider: str
    is_resend: bool
    resent_as: int | None
    unit: str


def row_view(row: Row, viewer: Viewer) -> RowView:
    message = row.message
    status = status_words(message)
    also = called(message.channel, message.status, message.reason)
    apart = also not in (None, status.word) and message.direction is Direction.OUTBOUND
    followed = row.email if row.email and message.channel is Channel.SMS else None
    return RowView(
        message.id,
        message.body or "Picture",
        _them(row, viewer.region),
        _sender(row, viewer.region),
        message.created_at,
        moment(message.created_at),
        status,
        f"{status.meaning} Also called “{also}”." if apart else status.meaning,
        why_no_text(message.channel, message.status, message.reason) or _after_failure(message),
        error_of(message),
        words.EMAIL_STATUS.get(followed.status) if followed else None,
        _kind(message),
        _provider(row),
        message.resend_of is not None,
        row.resent_as,
        row.unit or "",
    )


def went(row: Row, viewer: Viewer, *, again: bool = False) -> str:
    """What happened to a message that was sent just now."""
    name = row.person.name if row.person else row_view(row, viewer).them.address
    told = {
        Channel.SMS: f"Text to {name} is queued{' again' if again else ''}.",
        Channel.EMAIL: f"The message to {name} goes by email{' this time' if again else ''}.",
        Channel.NONE: f"The message to {name} was not sent. Its row says why.",
    }
    return told[row.message.channel]


def _after_failure(message: Message) -> str | None:
    failed = message.reason is Reason.DELIVERY_FAILED and message.channel is Channel.EMAIL
    return "Because the text was not delivered" if failed else None


def error_of(message: Message) -> str | None:
    """The code and what it means, of what has failed; without a code what was said instead."""
    if message.status not in (*FAILURES, Status.NOT_SENT) or not message.error_code:
        return None
    code, said = message.error_code, message.error_message
    if code.isdigit():
        meaning = look_up(code).meaning
        return f"{code}: {meaning[:1].lower()}{meaning[1:]}"
    return f"{said[:1].upper()}{said[1:]}" if said else None


def _them(row: Row, region: str) -> End:
    message = row.message
    inbound = message.direction is Direction.INBOUND
    address = number(message.from_address if inbound else message.to_address, region)
    if not address:
        none = message.status is Status.NOT_SENT and message.reason is Reason.NO_PHONE
        address = "No phone" if none else ""
    return End(row.person.name if row.person else "", address)


def _sender(row: Row, region: str) -> End:
    """Who sent it. Of what came in also the number of ours that it came to."""
    message = row.message
    if message.direction is Direction.INBOUND:
        to = number(message.to_address, region)
        return End(number(message.from_address, region), f"to {to}" if to else "")
    ours = "" if message.channel is Channel.EMAIL else number(message.from_address, region)
    return End(row.author or "Automatic answer", ours)


def _kind(message: Message) -> str:
    way = "in" if message.direction is Direction.INBOUND else "out"
    return f"{'Email' if message.channel is Channel.EMAIL else 'SMS'} {way}"


def _provider(row: Row) -> str:
    if row.message.channel is Channel.EMAIL:
        return "Mail"
    nobody = "" if row.message.status is Status.HELD else "None"  # that is decided when it goes
    return _PROVIDERS.get(row.provider or "", row.provider or nobody)
