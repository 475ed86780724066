"""Messages: writing to a person, and the log of what was said (contract 4)."""

from collections.abc import Sequence
from datetime import datetime
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.api.endpoints import get, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import Id, Input, Shape, Text, Time, Typed
from app.models import Direction, Email
from app.rules import texts
from app.rules.access import READERS, WRITERS, Viewer
from app.rules.dispatch import Channel
from app.rules.lifecycle import BY_WORD, Status
from app.rules.reasons import Reason
from app.services import messages, resending, sending
from app.services.dispatching import Draft
from app.services.messages import Filter, Logged

_NEVER_EMAILED = (Status.HELD, Status.CANCELED)
_WHY_NO_TEXT = tuple(takewhile(lambda reason: reason is not Reason.DELIVERY_FAILED, Reason))


def _sendable(body: str) -> str:
    """What is wrong whatever the institution's settings; the length is theirs."""
    if wrong := texts.problem(texts.tidy(body), len(body)):
        raise ValueError(wrong)
    return body


def _status(word: str) -> str:
    if word not in BY_WORD:
        raise ValueError(f"A status is one of {', '.join(BY_WORD)}.")
    return word


Body = Annotated[str, AfterValidator(_sendable), Field(examples=["Are you coming at 3?"])]
StatusWord = Annotated[
    str, AfterValidator(_status), Field(json_schema_extra={"enum": sorted(BY_WORD)})
]


class MessageError(Shape):
    code: str
    message: str | None


class FollowingEmail(Shape):
    """The email that carried a text which could not be delivered."""

    status: Literal["queued", "sent", "failed"]
    to: str


class Message(Shape):
    """`reason`: why it is no text, or why this phone. `email`: null unless one followed a text."""

    id: int
    direction: Direction
    type: str
    channel: Channel
    status: StatusWord
    reason: str | None
    person_id: int | None
    staff_id: int | None
    conversation_id: int
    from_: str | None = Field(serialization_alias="from")
    to: str | None
    body: str
    encoding: str | None
    segments: int | None
    error: MessageError | None
    email: FollowingEmail | None
    provider: str | None
    provider_sid: str | None
    resend_of: int | None
    org_unit_id: None = None
    send_at: datetime | None
    created_at: datetime
    sent_at: datetime | None
    delivered_at: datetime | None


class NewMessage(Input):
    """`channel`: `sms` = a text or nothing, `email` = an email; else whatever reaches them.

    `phone_id`: one of the person's, where the choice is not left to the rules. `send_at`: held
    until then, and decided anew when it goes.
    """

    person_id: Id
    body: Body
    phone_id: Id | None = None
    channel: Literal["sms", "email"] | None = None
    send_at: Time | None = None


class MessagesQuery(Paging):
    """`to`: a number or an email address. `text`: in the body. `since` <= created < `until`."""

    status: StatusWord | None = None
    direction: Direction | None = None
    channel: Channel | None = None
    staff_id: Id | None = None
    person_id: Id | None = None
    to: Typed | None = None
    text: Annotated[Text, Field(max_length=200)] | None = None
    since: Time | None = None
    until: Time | None = None


def shown(row: Logged) -> Message:
    said, email = row.message, row.email
    is_email = said.channel is Channel.EMAIL and said.status not in _NEVER_EMAILED
    error = (
        MessageError(code=said.error_code, message=said.error_message) if said.error_code else None
    )
    return Message(
        id=said.id,
        direction=said.direction,
        type=said.kind.value,
        channel=said.channel,
        status=_email_word(said.status) if is_email else said.status.word,
        reason=said.reason,
        person_id=said.person_id,
        staff_id=said.staff_id,
        conversation_id=said.conversation_id,
        from_=said.from_address,
        to=said.to_address,
        body=said.body,
        encoding=said.encoding,
        segments=said.segments,
        error=error,
        email=_followed_by(email) if email and not is_email else None,
        provider=row.provider,
        provider_sid=said.provider_sid,
        resend_of=said.resend_of,
        send_at=said.send_at,
        created_at=said.created_at,
        sent_at=said.sent_at,
        delivered_at=said.delivered_at,
    )


def _followed_by(email: Email) -> FollowingEmail:
    return FollowingEmail(status=_email_word(email.status), to=email.to_address)


def _email_word(status: Status) -> Literal["queued", "sent", "failed"]:
    """What a worker does meanwhile is its own: queued until the mail server has answered."""
    if status is Status.SENT:
        return "sent"
    return "failed" if status is Status.FAILED else "queued"


def listed(viewer: Viewer, query: Paging, wanted: Filter) -> Page[Message]:
    return page(
        query,
        BY_ID,
        lambda limit, before: messages.found(viewer, wanted, limit, before),
        lambda row: row.message.id,
        _all,
    )


def _all(rows: Sequence[Logged]) -> list[Message]:
    return [shown(row) for row in rows]


# Who may write is decided where it is sent, because it depends on the conversation (D4, D41).
@post("/messages", conflicts=(*_WHY_NO_TEXT, "busy"))
def create(viewer: Viewer, body: NewMessage) -> Message:
    """Write to a person. It goes as a text, or as an email with the reason why.

    Needs `text.start`, or `text.reply` where the person wrote first.
    """
    draft = Draft(body.body, body.phone_id, body.channel, send_at=body.send_at)
    sent = sending.to_person(viewer, body.person_id, draft)
    return shown(messages.one(viewer, sent.id))


@get("/messages", *READERS)
def list_(viewer: Viewer, query: MessagesQuery) -> Page[Message]:
    """Messages of the conversations you may see, newest first."""
    given = query.model_dump(exclude={"limit", "cursor", "status"})
    status = BY_WORD[query.status] if query.status else None
    return listed(viewer, query, Filter(**given, status=status))


@get("/messages/<id:message_id>", *READERS)
def one(viewer: Viewer, message_id: int) -> Message:
    """One message."""
    return shown(messages.one(viewer, message_id))


@post("/messages/<id:message_id>/cancel", *WRITERS, conflicts=("not_cancelable", "automatic"))
def cancel(viewer: Viewer, message_id: int) -> Message:
    """Take back a text that still waits to be sent."""
    resending.cancel(viewer, message_id)
    return one(viewer, message_id)


@post(
    "/messages/<id:message_id>/resend",
    *WRITERS,
    conflicts=("not_resendable", "already_resent", "automatic", "handled_by_other", "busy"),
)
def resend(viewer: Viewer, message_id: int) -> Message:
    """Send a text once more that did not arrive: the same words, to the same number.

    The provider is asked first; what has arrived is not sent again. The answer is the new message.
    """
    return one(viewer, resending.resend(viewer, message_id).id)
