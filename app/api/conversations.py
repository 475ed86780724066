"""Conversations: the threads somebody holds or may see, and answering in them (contract 4)."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, TypeAdapter

from app.api.endpoints import get, patch, post
from app.api.messages import Body, listed
from app.api.paging import Page, Paging, page
from app.api.types import ABSENT, Changes, Id, Input, Shape, Text, Time
from app.models import Direction
from app.rules.access import READERS, WRITERS, Viewer
from app.services import handling, inbox, messages, reading, sending, shapes
from app.services.dispatching import Draft
from app.services.inbox import Row
from app.services.messages import Filter
from app.services.shapes import Message

_BY_TIME: TypeAdapter[Any] = TypeAdapter(tuple[Time, Id])


class Marker(Shape):
    name: str
    at: datetime
    text: str


class Conversation(Shape):
    """`staff_id` null = unclaimed. `sender`: our address last used, `recipient`: theirs."""

    id: int
    staff_id: int | None
    org_unit_id: int | None
    person_id: int | None
    sender: str | None
    recipient: str | None
    unread: int
    archived: bool
    last_message_at: datetime
    snippet: str
    markers: list[Marker]


class ConversationsQuery(Paging):
    unread: Annotated[bool | None, Field(examples=[True])] = None
    archived: bool | None = None
    staff_id: Id | None = None
    q: Annotated[Text, Field(max_length=200)] = ""


class ConversationChanges(Changes):
    """`staff_id`: the colleague who has it from now on."""

    archived: bool = ABSENT
    read: Annotated[bool, Field(examples=[True])] = ABSENT
    staff_id: Id = ABSENT


class Reply(Input):
    body: Body


def _shown(rows: Sequence[Row]) -> list[Conversation]:
    markers = defaultdict(list)
    for marker in reading.markers_of([row.thread.id for row in rows]):
        markers[marker.conversation_id].append(Marker.model_validate(marker))
    return [_one(row, markers[row.thread.id]) for row in rows]


def _one(row: Row, markers: list[Marker]) -> Conversation:
    thread, last = row.thread, row.last
    ends = (last.from_address, last.to_address) if last else (None, None)
    inbound = last is not None and last.direction is Direction.INBOUND
    sender, recipient = reversed(ends) if inbound else ends
    return Conversation(
        id=thread.id,
        staff_id=thread.staff_id,
        org_unit_id=thread.org_unit_id,
        person_id=thread.person_id,
        sender=sender,
        recipient=recipient,
        unread=thread.unread,
        archived=thread.archived_at is not None,
        last_message_at=thread.last_message_at,
        snippet=thread.snippet,
        markers=markers,
    )


@get("/conversations", *READERS)
def list_(viewer: Viewer, query: ConversationsQuery) -> Page[Conversation]:
    """Your conversations, the latest first; with `inbox.all` everybody's, with `inbox.unit` those
    of your org unit and below."""
    return page(
        query,
        _BY_TIME,
        lambda limit, before: inbox.rows(
            viewer,
            staff_id=query.staff_id,
            unread=query.unread,
            archived=query.archived,
            q=query.q,
            limit=limit,
            before=before,
        ),
        lambda row: (row.thread.last_message_at, row.thread.id),
        _shown,
    )


@get("/conversations/<id:conversation_id>", *READERS)
def one(viewer: Viewer, conversation_id: int) -> Conversation:
    """One conversation."""
    return _shown([inbox.one(viewer, conversation_id)])[0]


@patch("/conversations/<id:conversation_id>", *WRITERS, conflicts=("taken", "already_held"))
def change(viewer: Viewer, conversation_id: int, body: ConversationChanges) -> Conversation:
    """Archive it, mark it read or unread, or hand it to a colleague.

    Where the colleague has a conversation with this person already, the two become one: the answer
    then has that one's id.
    """
    given = body.given()
    colleague = given.pop("staff_id", None)
    thread = inbox.one(viewer, conversation_id).thread.id
    if given:
        handling.change(viewer, thread, **given)
    if colleague:
        thread = handling.hand_over(viewer, thread, colleague)
    return _shown([inbox.row(viewer, thread)])[0]


@get("/conversations/<id:conversation_id>/messages", *READERS)
def list_messages(viewer: Viewer, conversation_id: int, query: Paging) -> Page[Message]:
    """What was said in it, newest first."""
    thread = inbox.opened(viewer, conversation_id).thread
    return listed(viewer, query, Filter(conversation_id=thread.id))


@post("/conversations/<id:conversation_id>/messages", conflicts=("handled_by_other", "busy"))
def reply(viewer: Viewer, conversation_id: int, body: Reply) -> Message:
    """Answer in it.

    Needs `text.start`, or `text.reply` where the person wrote first.
    """
    sent = sending.in_thread(viewer, conversation_id, Draft(body.body))
    return shapes.message(messages.one(viewer, sent.id))
