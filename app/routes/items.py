"""Items: what stands in a thread, as it is shown there. Messages, markers, notes, texts for
later."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app import clock
from app.models import Direction, Kind, Message
from app.routes.shown import is_keyword, reason_detail, status_words
from app.rules import words
from app.rules.access import Can, Viewer
from app.rules.dispatch import Channel
from app.rules.lifecycle import FAILURES, Status
from app.rules.phones import pretty
from app.rules.resending import why_not_cancel, why_not_resend
from app.rules.words import Names, StatusWords
from app.services.inbox import Row
from app.services.reading import PAGE, Aside, Said

RESEND_AFTER = timedelta(minutes=10)  # without a report

MARKER_ICONS = {
    "opted_out": ("message-circle-off", True),
    "opted_in": ("circle-check", False),
    "sms_disabled": ("message-circle-off", True),
    "sms_enabled": ("circle-check", False),
    "number_invalid": ("circle-x", False),
    "handed_over": ("arrow-right-left", False),
    "number_handed_over": ("arrow-right-left", False),
    "number_released": ("arrow-right-left", False),
    "name_learnt": ("user", False),
    "merged": ("merge", False),
    "unmerged": ("split", False),
}


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
    pictures: tuple[int, ...]
    author: str | None
    pending: bool
    is_resend: bool
    resent: bool
    may_cancel: bool
    may_resend: bool
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


@dataclass(frozen=True, slots=True)
class NoteItem:
    """What staff keep beside the messages."""

    id: str
    body: str
    at: datetime
    author: str
    mine: bool = False
    kind: str = "note"


@dataclass(frozen=True, slots=True)
class HeldItem:
    """A text for later. `asks`: they replied meanwhile; `past`: its time is over; `own`: the viewer
    wrote it."""

    id: int
    channel: str
    body: str
    send_at: datetime
    asks: bool
    past: bool
    own: bool


def held_item(message: Message, viewer: Viewer) -> HeldItem:
    assert message.send_at is not None
    past = message.send_at <= clock.now()
    asks = message.asks_at is not None
    channel, own = message.channel.value, message.staff_id == viewer.staff_id
    return HeldItem(message.id, channel, message.body, message.send_at, asks, past, own)


def message_item(said: Said, viewer: Viewer, names: Names) -> MessageItem:
    message = said.message
    mine = message.direction is Direction.OUTBOUND
    wrote = said.author if message.staff_id and message.staff_id != viewer.staff_id else None
    automatic = "Automatic answer" if mine and message.staff_id is None else None
    failed = message.status in FAILURES or message.status is Status.NOT_SENT
    written = mine and message.kind is Kind.CONVERSATION
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
        message.resend_of is not None,
        said.resent_as is not None,
        written and why_not_cancel(message.channel, message.status) is None,
        written and said.resent_as is None and _may_resend(message),
    )


def _may_resend(message: Message) -> bool:
    """Offered where it helps: what was handed over a minute ago may still arrive."""
    waits = message.status in (Status.ACCEPTED, Status.SENT)
    if waits and clock.now() - message.created_at < RESEND_AFTER:
        return False
    return why_not_resend(message.channel, message.status, disabled=False) is None


def _is_code(code: str | None) -> bool:
    return bool(code and code.isdigit())


def _why(message: Message, names: Names) -> str | None:
    """Why it is not a text, on the strip of an email or beside what was not sent."""
    if message.direction is Direction.INBOUND or message.reason is None:
        return None
    because = words.why_not_text(message.reason, names, reason_detail(message))
    if message.channel is Channel.EMAIL:
        return f"Went by email: {because}"
    if message.channel is Channel.NONE:
        also = f", and {words.NO_EMAIL}" if message.error_code == "no_email" else ""
        return f"{because[:1].upper()}{because[1:]}{also}"
    return None


def marker_item(marker: Aside) -> MarkerItem:
    icon, strong = MARKER_ICONS.get(marker.name, ("info", False))
    return MarkerItem(icon, marker.text, marker.at, strong, f"marker-{marker.id}")


@dataclass(frozen=True, slots=True)
class ThreadView:
    id: int
    title: str
    theirs: str
    ours: str
    items: list[MessageItem | MarkerItem | NoteItem]
    earlier: int | None
    read_only_reason: str | None
    archived: bool
    snoozed_until: datetime | None
    unread: int
    ask_opt_out: dict[str, str] | None
    may_claim: bool
    may_hand_on: bool
    holder: str | None  # where it is not the viewer
    held: list[HeldItem]


@dataclass(frozen=True, slots=True)
class Page:
    """What is read of a thread. `said`: one page of messages and one more where there are any,
    newest first. `later`: where the page after it begins; None for the last page."""

    said: Sequence[Said]
    asides: Sequence[Aside]
    held: Sequence[Message]
    later: datetime | None = None


def thread_view(row: Row, viewer: Viewer, page: Page, names: Names) -> ThreadView:
    """An open thread, in the order in which it happened."""
    thread = row.thread
    full = len(page.said) > PAGE
    said = page.said[:PAGE]
    since = said[-1].message.created_at if full else None

    def here(at: datetime) -> bool:
        return (not since or at >= since) and (not page.later or at < page.later)

    beside = [a for a in page.asides if here(a.at)]
    shown = [a for a in beside if a.author is None]
    told = {m.at for m in shown if m.name in ("opted_out", "opted_in")}
    items: list[MessageItem | MarkerItem | NoteItem] = [
        message_item(s, viewer, names)
        for s in reversed(said)  # found late, several may be of one second
        # STOP and START are shown as the marker that was made in the same moment, not twice.
        if not (s.message.created_at in told and is_keyword(s.message))
    ]
    items += [marker_item(m) for m in shown]
    items += [
        NoteItem(f"note-{note.id}", note.text, note.at, note.author)
        for note in beside
        if note.author is not None
    ]
    items.sort(key=lambda item: (item.at, item.kind != "message"))
    last = said[0] if said else None
    mine = thread.staff_id == viewer.staff_id
    answers = viewer.answers_for(thread.staff_id)
    return ThreadView(
        thread.id,
        row.title(viewer.region),
        *_ends(row, last, viewer),
        items,
        said[-1].message.id if full else None,
        _read_only(row, viewer),
        thread.archived_at is not None,
        thread.snoozed_until,
        thread.unread if answers else 0,
        {"text": thread.ask_opt_out} if thread.ask_opt_out else None,
        thread.staff_id is None and viewer.can(Can.TEXT_REPLY),
        viewer.may_hand_on(thread.whose),
        None if mine else _held_by(row, covered=answers),
        [] if page.later else [held_item(m, viewer) for m in page.held],
    )


def _held_by(row: Row, *, covered: bool) -> str:
    if row.holder is None:
        return "Unclaimed"
    return f"Covering for {row.holder.name}" if covered else f"Held by {row.holder.name}"


def _ends(row: Row, said: Said | None, viewer: Viewer) -> tuple[str, str]:
    """The addresses that were used last: theirs, where the title does not say it, and ours."""
    if said is None:
        return "", ""
    last = said.message
    ends = (last.to_address, last.from_address)
    theirs, ours = reversed(ends) if last.direction is Direction.INBOUND else ends
    if not theirs or "@" in theirs:
        return theirs or "", ""
    own = row.thread.staff_id == viewer.staff_id and not said.shared
    whose = "your number " if own else ""
    shown = pretty(theirs, viewer.region) if row.person else ""
    return shown, f"from {whose}{pretty(ours, viewer.region)}" if ours else ""


def _read_only(row: Row, viewer: Viewer) -> str | None:
    thread = row.thread
    if not viewer.answers_for(thread.staff_id):
        if row.holder is None:
            return "Nobody has claimed this conversation yet."
        return f"This conversation is held by {row.holder.name}. You can read it."
    if viewer.may_start or thread.in_contact_id is not None:
        return None
    return words.MAY_NOT_START
