"""Shown: rows as the inbox shows them. Words and icons are chosen here, markup is in the
templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.models import Conversation, Direction, Institution, Marker, Message, Person, PersonKind
from app.rules import keywords, words
from app.rules.access import Can, Viewer
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.dispatch import Channel, Facts, Step
from app.rules.keywords import Keyword
from app.rules.lifecycle import FAILURES, Status
from app.rules.phones import pretty
from app.rules.reasons import Reason
from app.rules.recipient import Phone, why_not
from app.rules.words import Names, StatusWords
from app.services.emails import detail_of
from app.services.inbox import PAGE, Row, Said, needs_answer

MARKER_ICONS = {
    "opted_out": ("message-circle-off", True),
    "opted_in": ("circle-check", False),
    "sms_disabled": ("message-circle-off", True),
    "sms_enabled": ("circle-check", False),
    "number_invalid": ("circle-x", False),
    "handed_over": ("arrow-right-left", False),
    "number_handed_over": ("arrow-right-left", False),
    "number_released": ("arrow-right-left", False),
}


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


def list_row(row: Row, viewer: Viewer) -> ListRow:
    thread, last = row.thread, row.last
    opted_out = row.person is not None and row.person.opted_out_at is not None
    tags, failed = [], False
    if last is not None and last.direction is Direction.OUTBOUND:
        failed = last.status in FAILURES
        if failed:
            shown = words.TEXT_STATUS[last.status]
            tags.append(Tag("bad", shown.icon, shown.word))
        if last.channel is Channel.EMAIL or last.email_id:
            tags.append(Tag("mail", "mail", "Went by email"))
    if thread.ask_opt_out:
        tags.append(Tag("warn", "circle-help", "Opt this person out?"))
    if opted_out:
        tags.append(Tag("stop", "message-circle-off", "Opted out"))
    if row.person is None:
        tags.append(Tag("plain", "user-plus", "Who is this?"))
    mine = thread.staff_id == viewer.staff_id
    needs = (
        "unread"
        if thread.unread
        else "problem"
        if failed
        else "opted_out"
        if opted_out
        else "answer"
        if needs_answer(thread)
        else "sent"
    )
    said = "You: " if last is not None and last.direction is Direction.OUTBOUND and mine else ""
    holder = None if mine else (row.holder.name if row.holder else "Unclaimed")
    return ListRow(
        thread.id,
        row.title(viewer.region),
        thread.last_message_at,
        said + _snippet(thread, last),
        thread.unread,
        needs,
        status_words(last) if last is not None and last.direction is Direction.OUTBOUND else None,
        tags,
        holder,
        thread.archived_at is not None,
    )


def _snippet(thread: Conversation, last: Message | None) -> str:
    if last is not None and _is_keyword(last):
        return f"Texted {thread.snippet}"
    return thread.snippet or "Picture"


def _is_keyword(message: Message) -> bool:
    if message.direction is Direction.OUTBOUND:
        return False
    said = keywords.classify(message.body, stopped_here=True)
    return said in (Keyword.STOP, Keyword.START)


@dataclass(frozen=True, slots=True)
class MessageItem:
    id: int
    mine: bool
    channel: str
    body: str
    at: datetime
    status: StatusWords | None
    reason: str | None
    error: str | None
    email_status: StatusWords | None
    pictures: int
    author: str | None
    pending: bool
    kind: str = "message"


@dataclass(frozen=True, slots=True)
class MarkerItem:
    icon: str
    text: str
    at: datetime
    strong: bool
    id: str
    mine: bool = False
    kind: str = "marker"


def message_item(said: Said, viewer: Viewer, names: Names) -> MessageItem:
    message = said.message
    mine = message.direction is Direction.OUTBOUND
    wrote = said.author if message.staff_id and message.staff_id != viewer.staff_id else None
    automatic = "Automatic answer" if mine and message.staff_id is None else None
    failed = message.status in FAILURES or message.status is Status.NOT_SENT
    return MessageItem(
        message.id,
        mine,
        message.channel.value,
        message.body or "Picture",
        message.created_at,
        status_words(message) if mine else None,
        _why(message, names),
        words.meaning_of(message.error_code) if failed and _is_code(message.error_code) else None,
        words.EMAIL_STATUS.get(said.email.status)
        if said.email and message.channel is Channel.SMS
        else None,
        said.pictures,
        wrote or automatic,
        mine and message.status < Status.ACCEPTED and message.channel is Channel.SMS,
    )


def _is_code(code: str | None) -> bool:
    return bool(code and code.isdigit())


def status_words(message: Message) -> StatusWords:
    if message.channel is Channel.EMAIL:
        return words.EMAIL_STATUS.get(message.status, words.EMAIL_STATUS[Status.QUEUED])
    return words.TEXT_STATUS[message.status]


def _why(message: Message, names: Names) -> str | None:
    """Why it is not a text, on the strip of an email or beside what was not sent."""
    if message.direction is Direction.INBOUND or message.reason is None:
        return None
    because = words.why_not_text(message.reason, names, reason_detail(message))
    if message.channel is Channel.EMAIL:
        return f"Went by email: {because}"
    if message.channel is Channel.NONE:
        return f"{because[:1].upper()}{because[1:]}, and {words.NO_EMAIL}"
    return None


def reason_detail(message: Message) -> str:
    if message.reason is Reason.DELIVERY_FAILED:
        return message.error_code or ""
    return detail_of(steps_of(message))


def steps_of(message: Message) -> list[Step]:
    return [Step(*step) for step in message.decision]


def marker_item(marker: Marker) -> MarkerItem:
    icon, strong = MARKER_ICONS.get(marker.name, ("info", False))
    return MarkerItem(icon, marker.text, marker.at, strong, f"marker-{marker.id}")


@dataclass(frozen=True, slots=True)
class ThreadView:
    id: int
    title: str
    subtitle: str
    items: list[MessageItem | MarkerItem]
    earlier: int | None
    read_only_reason: str | None
    archived: bool
    unread: int
    ask_opt_out: dict[str, str] | None
    may_claim: bool
    holder: str | None  # where it is not the viewer


def thread_view(
    row: Row,
    viewer: Viewer,
    said: Sequence[Said],
    markers: Iterable[Marker],
    names: Names,
    until: datetime | None = None,
) -> ThreadView:
    """`said`: one page of messages and one more where there are any, newest first. `until`: where
    the page after it begins; None for the last page."""
    thread = row.thread
    full = len(said) > PAGE
    said = said[:PAGE]
    since = said[-1].message.created_at if full else None
    shown = [m for m in markers if (not since or m.at >= since) and (not until or m.at < until)]
    told = {m.at for m in shown if m.name in ("opted_out", "opted_in")}
    items: list[MessageItem | MarkerItem] = [
        message_item(s, viewer, names)
        for s in reversed(said)  # found late, several may be of one second
        # STOP and START are shown as the marker that was made in the same moment, not twice.
        if not (s.message.created_at in told and _is_keyword(s.message))
    ]
    items += [marker_item(m) for m in shown]
    items.sort(key=lambda item: (item.at, item.kind == "marker"))
    last = said[0].message if said else None
    mine = thread.staff_id == viewer.staff_id
    return ThreadView(
        thread.id,
        row.title(viewer.region),
        _subtitle(row, last, viewer),
        items,
        said[-1].message.id if full else None,
        _read_only(row, viewer),
        thread.archived_at is not None,
        thread.unread if mine else 0,
        {"text": thread.ask_opt_out} if thread.ask_opt_out else None,
        thread.staff_id is None and viewer.can(Can.TEXT_REPLY),
        None if mine else f"Held by {row.holder.name}" if row.holder else "Unclaimed",
    )


def _subtitle(row: Row, last: Message | None, viewer: Viewer) -> str:
    """The address that was used last; nothing where the title says it already."""
    if last is None or row.person is None:
        return ""
    theirs = last.from_address if last.direction is Direction.INBOUND else last.to_address
    return pretty(theirs, viewer.region) if theirs and "@" not in theirs else theirs or ""


def _read_only(row: Row, viewer: Viewer) -> str | None:
    thread = row.thread
    if thread.staff_id != viewer.staff_id:
        if row.holder is None:
            return "Nobody has claimed this conversation yet."
        return f"This conversation is held by {row.holder.name}. You can read it."
    if viewer.may_start or thread.in_contact_id is not None:
        return None
    return words.MAY_NOT_START


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
    why: None = None


def person_lines(person: Person) -> list[str]:
    kind = "Person" if person.kind is PersonKind.UNKNOWN else person.kind.value.capitalize()
    first = f"{kind} {person.source_id}" if person.source_id else kind
    return [first, *([person.email] if person.email else [])]


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
