"""Messages: writing to a person, and the log of what was said (contract 4)."""

from collections.abc import Sequence
from itertools import takewhile
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from app.api.endpoints import get, post
from app.api.paging import BY_ID, Page, Paging, page
from app.api.types import Id, Input, Text, Time, Typed
from app.errors import Invalid, NotFound
from app.models import Direction
from app.rules import texts
from app.rules.access import READERS, WRITERS, Viewer
from app.rules.dispatch import Channel
from app.rules.lifecycle import BY_WORD
from app.rules.reasons import Reason
from app.services import messages, org_units, resending, sending, shapes
from app.services.dispatching import Draft
from app.services.messages import Filter, Logged
from app.services.org_units import Within
from app.services.shapes import Message, StatusWord

_WHY_NO_TEXT = tuple(takewhile(lambda reason: reason is not Reason.DELIVERY_FAILED, Reason))


def _sendable(body: str) -> str:
    """What is wrong whatever the institution's settings; the length is theirs."""
    if wrong := texts.problem(texts.tidy(body), len(body)):
        raise ValueError(wrong)
    return body


Body = Annotated[str, AfterValidator(_sendable), Field(examples=["Are you coming at 3?"])]


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
    """`to`: a number or an email address. `text`: in the body. `org_unit_id`: made in that unit or
    below it. `since` <= created < `until`."""

    status: StatusWord | None = None
    direction: Direction | None = None
    channel: Channel | None = None
    staff_id: Id | None = None
    person_id: Id | None = None
    org_unit_id: Id | None = None
    to: Typed | None = None
    text: Annotated[Text, Field(max_length=200)] | None = None
    since: Time | None = None
    until: Time | None = None


def listed(viewer: Viewer, query: Paging, wanted: Filter) -> Page[Message]:
    return page(
        query,
        BY_ID,
        lambda limit, before: messages.found(viewer, wanted, limit, before),
        lambda row: row.message.id,
        _all,
    )


def _all(rows: Sequence[Logged]) -> list[Message]:
    return [shapes.message(row) for row in rows]


# Who may write is decided where it is sent, because it depends on the conversation (D4, D41).
@post("/messages", conflicts=(*_WHY_NO_TEXT, "merged", "busy"))
def create(viewer: Viewer, body: NewMessage) -> Message:
    """Write to a person. It goes as a text, or as an email with the reason why.

    Needs `text.start`, or `text.reply` where the person wrote first.
    """
    draft = Draft(body.body, body.phone_id, body.channel, send_at=body.send_at)
    sent = sending.to_person(viewer, body.person_id, draft)
    return shapes.message(messages.one(viewer, sent.id))


@get("/messages", *READERS)
def list_(viewer: Viewer, query: MessagesQuery) -> Page[Message]:
    """Messages of the conversations you may see, newest first."""
    given = query.model_dump(exclude={"limit", "cursor", "status", "org_unit_id"})
    status = BY_WORD[query.status] if query.status else None
    return listed(viewer, query, Filter(**given, status=status, within=_within(viewer, query)))


def _within(viewer: Viewer, query: MessagesQuery) -> Within | None:
    """A unit that is not on offer is a wrong value of a filter: the list itself is there."""
    if query.org_unit_id is None:
        return None
    try:
        return org_units.offered(viewer).within(query.org_unit_id)
    except NotFound as error:
        raise Invalid("org_unit_id", str(error)) from None


@get("/messages/<id:message_id>", *READERS)
def one(viewer: Viewer, message_id: int) -> Message:
    """One message."""
    return shapes.message(messages.one(viewer, message_id))


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
