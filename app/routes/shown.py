"""Shown: rows as the inbox shows them. Words and icons are chosen here, markup is in the
templates."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from app.models import Direction, Institution, Marker, Message, Person, PersonKind
from app.rules import words
from app.rules.access import Viewer
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.dispatch import Channel, Decision, Facts, Refuse, SendEmail, SendSms, Step
from app.rules.lifecycle import FAILURES, Status
from app.rules.phones import pretty
from app.rules.reasons import Reason
from app.rules.recipient import Phone, why_not
from app.rules.segments import PLAIN, Encoding, Segments
from app.rules.words import Names, StatusWords
from app.services.emails import detail_of
from app.services.inbox import PAGE, Row, Said, needs_answer

MARKER_ICONS = {
    "opted_out": ("message-circle-off", True),
    "opted_in": ("circle-check", False),
    "sms_disabled": ("message-circle-off", True),
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
        said + (thread.snippet or "Picture"),
        thread.unread,
        needs,
        tags,
        holder,
        thread.archived_at is not None,
    )


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
    """Why it is not a text, as the strip of an email or beside a text that was not sent."""
    if message.direction is Direction.INBOUND or message.reason is None:
        return None
    because = words.why_not_text(message.reason, names, reason_detail(message))
    if message.channel is Channel.EMAIL:
        return f"Went by email: {because}"
    if message.channel is Channel.NONE:
        return f"Not sent: {because}, and {words.NO_EMAIL}"
    if message.reason in (Reason.DELIVERY_FAILED, Reason.OPTED_OUT) and message.email_id:
        return "Went by email too"
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
    holder: str | None


def thread_view(
    row: Row, viewer: Viewer, said: Sequence[Said], markers: Iterable[Marker], names: Names
) -> ThreadView:
    """`said`: one page of messages, newest first."""
    thread = row.thread
    full = len(said) == PAGE
    since = said[-1].message.created_at if full else None
    items: list[MessageItem | MarkerItem] = [message_item(s, viewer, names) for s in said]
    items += [marker_item(m) for m in markers if since is None or m.at >= since]
    items.sort(key=lambda item: (item.at, item.kind == "marker"))
    last = said[0].message if said else None
    return ThreadView(
        thread.id,
        row.title(viewer.region),
        _subtitle(last, viewer),
        items,
        said[-1].message.id if full else None,
        _read_only(row, viewer),
        thread.archived_at is not None,
        thread.unread if thread.staff_id == viewer.staff_id else 0,
        {"text": thread.ask_opt_out} if thread.ask_opt_out else None,
        None if thread.staff_id == viewer.staff_id else row.holder.name if row.holder else "nobody",
    )


def _subtitle(last: Message | None, viewer: Viewer) -> str:
    if last is None:
        return ""
    theirs = last.from_address if last.direction is Direction.INBOUND else last.to_address
    return pretty(theirs, viewer.region) if theirs and "@" not in theirs else theirs or ""


def _read_only(row: Row, viewer: Viewer) -> str | None:
    thread = row.thread
    if thread.staff_id != viewer.staff_id:
        who = row.holder.name if row.holder else "nobody yet"
        return f"This conversation is held by {who}. You can read it."
    if viewer.may_start or thread.in_contact_id is not None:
        return None
    return words.MAY_NOT_START


@dataclass(frozen=True, slots=True)
class PhoneView:
    number: str
    type: str
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
    status = phone.consent.status.value
    note = phone.type.value.capitalize()
    if phone.contact_id == texted:
        note += ". Texts go here."
    elif phone.consent.by in (DisabledBy.OWN_STOP, DisabledBy.PERSON_STOP):
        note += ". Opted out by text."
    elif phone.consent.by is DisabledBy.STAFF:
        note += ". Switched off by staff."
    elif phone.consent.by is DisabledBy.INVALID:
        note += ". Cannot get texts."
    elif phone.consent.status is SmsStatus.DEFAULT and why_not(phone, facts.defaults):
        note += ". Not texted by default."
    return PhoneView(pretty(phone.e164, region), phone.type.value, status, note, verified)


@dataclass(frozen=True, slots=True)
class StepView:
    question: str
    answer: str
    deciding: bool
    href: str | None = None


def step_views(steps: Sequence[Step], names: Names) -> list[StepView]:
    """The last step that is not about email is the one that decided."""
    about = [n for n, step in enumerate(steps) if step.rule != "email"]
    deciding = about[-1] if about else -1
    return [
        StepView(words.question(step), words.answer(step, names), n == deciding)
        for n, step in enumerate(steps)
    ]


@dataclass(frozen=True, slots=True)
class Costly:
    char: str
    plain: str | None
    text: str


@dataclass(frozen=True, slots=True)
class PhoneOption:
    id: int
    label: str
    textable: bool
    warning: str


@dataclass(frozen=True, slots=True)
class RouteView:
    channel: str
    headline: str
    to: str
    from_: str
    button: str
    counter: str
    costly: Costly | None
    phones: list[PhoneOption]
    phone_id: int | None
    steps: list[StepView] = field(default_factory=list)


def route_view(
    decision: Decision, facts: Facts, names: Names, body: str, phone_id: int | None
) -> RouteView:
    """What will happen to the message that is being written, before it is sent."""
    to = from_ = ""
    match decision:
        case SendSms(phone=phone, sender=sender):
            to, from_ = (pretty(n, names.region) for n in (phone.e164, sender.number.e164))
            new = " (yours from this text on)" if sender.assign else ""
            headline = f"Text to {to} from your number {from_}{new}"
            button, counter = "Send text", _counter(facts.segments)
        case SendEmail(to=to):
            because = _because(decision.reason, decision.steps, names)
            headline = f"Email to {to}{', because ' + because if because else ''}"
            button, counter = "Send email", "No text used"
        case Refuse():
            because = _because(decision.reason, decision.steps, names)
            headline = f"Cannot be sent. {because[:1].upper()}{because[1:]}, and {words.NO_EMAIL}."
            button, counter = "Send text", ""
    costly = _costly(body, facts.segments) if isinstance(decision, SendSms) else None
    return RouteView(
        decision.channel.value,
        headline,
        to,
        from_,
        button,
        counter,
        costly,
        [_option(p, facts, names) for p in facts.phones if p.id],
        phone_id,
        step_views(decision.steps, names),
    )


def _because(reason: Reason | None, steps: Sequence[Step], names: Names) -> str:
    return words.why_not_text(reason, names, detail_of(steps)) if reason else ""


def _counter(segments: Segments) -> str:
    texts = "1 text" if segments.parts == 1 else f"{segments.parts} texts"
    return f"{texts}, {segments.left} left"


def _costly(body: str, segments: Segments) -> Costly | None:
    """The character that makes the text cost more, where it does (UCS-2 halves a text)."""
    char = segments.costly
    if char is None or segments.encoding is not Encoding.UCS2 or segments.parts < 2:
        return None
    return Costly(char, PLAIN.get(char), f"The {char} makes this {segments.parts} texts.")


def _option(phone: Phone, facts: Facts, names: Names) -> PhoneOption:
    reason = why_not(phone, facts.defaults)
    number = pretty(phone.e164, names.region)
    label = f"{number}, {phone.type.value}, SMS {phone.consent.status.value.capitalize()}"
    warning = (
        f"{number} cannot be texted: {words.why_not_text(reason, names, phone.e164)}. "
        "Choose another number."
        if reason
        else ""
    )
    return PhoneOption(phone.id, label, reason is None, warning)


def names_of(person: Person | None, institution: Institution) -> Names:
    return Names(
        person.given_name if person else "this number",
        institution.name,
        person.kind.value if person else "people",
        institution.region,
        institution.default_phone_type.value,
    )
