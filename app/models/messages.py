"""Messages: conversations, what was said in them, and every try to deliver it."""

from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, Text, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base
from app.models.columns import (
    ByValue,
    Id,
    institution_fk,
    json_list,
    json_map,
    partial_index,
    pk,
    ref,
    when,
    when_or_never,
)
from app.rules.access import Whose
from app.rules.dispatch import Channel
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.reasons import Reason
from app.rules.search import folded

# The conditions of partial indexes. SQLite uses such an index only for a query that repeats its
# condition word for word, so these stand in the queries too.
MESSAGE_HELD = text("message.status = 5")
MESSAGE_UNFINISHED = text("message.channel = 'sms' AND message.status IN (10, 20, 25)")
EMAIL_UNFINISHED = text("email.status IN (10, 20)")
CONVERSATION_UNREAD = text("conversation.unread > 0")
CONVERSATION_UNCLAIMED = text("conversation.staff_id IS NULL")
CONVERSATION_IN_UNIT = text("conversation.org_unit_id IS NOT NULL")
MESSAGE_IN_UNIT = text("message.org_unit_id IS NOT NULL")
CONVERSATION_SNOOZED = text("conversation.snoozed_until IS NOT NULL")


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"


class Kind(StrEnum):
    """What a message is, beside what somebody wrote."""

    CONVERSATION = "conversation"
    STOP_REPLY = "stop_reply"  # our answers to keywords, where the provider gives none (D21)
    START_REPLY = "start_reply"
    HELP_REPLY = "help_reply"
    AUTO_ANSWER = "auto_answer"  # to a text that nobody holds (D7)


# They pass where texts are switched off for a number: the confirmation of a STOP must (D21).
KEYWORD_REPLIES = (Kind.STOP_REPLY, Kind.START_REPLY, Kind.HELP_REPLY)


class Conversation(Base):
    """One thread of a holder with a person, or with a number while nobody knows whose it is (D5).

    `staff_id` None = unclaimed (D7), and there is one in each org unit that they wrote to. The last
    five columns before the indexes are kept in the same transaction as the messages, so that the
    inbox is one index scan at any size.
    """

    __tablename__ = "conversation"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))
    person_id: Mapped[int | None] = mapped_column(Id, ref("person"), index=True)
    contact_number_id: Mapped[int | None] = mapped_column(Id, ref("contact_number"), index=True)
    org_unit_id: Mapped[int | None] = mapped_column(Id)  # its holder's; nobody's: of the last one
    archived_at: Mapped[when_or_never]
    snoozed_until: Mapped[when_or_never]  # out of the list until then, or until they write
    notified_at: Mapped[when_or_never]  # the reply notice went out; again only after it was read
    reminded_at: Mapped[when_or_never]  # unclaimed, and somebody was told what waits in it
    ask_opt_out: Mapped[str | None] = mapped_column(Text)  # the words that may be an opt-out (D20)
    ask_contact_id: Mapped[int | None] = mapped_column(Id)  # ... and the number that wrote them
    in_contact_id: Mapped[int | None] = mapped_column(Id)  # the last inbound text: from whom (D12)
    in_number_id: Mapped[int | None] = mapped_column(Id)  # ... and to which number of ours (D4)
    last_message_at: Mapped[when]
    last_direction: Mapped[Direction | None] = mapped_column(ByValue(Direction))
    last_message_id: Mapped[int | None] = mapped_column(Id)
    snippet: Mapped[str] = mapped_column(String(200), default="")
    unread: Mapped[int] = mapped_column(default=0)

    @property
    def whose(self) -> Whose:
        return Whose(self.staff_id, self.org_unit_id)


# Nobody's are apart by their org unit: one for each that somebody has written to.
_HOLDER = func.coalesce(Conversation.staff_id, -Conversation.org_unit_id, 0)

partial_index(
    "uq_conversation_person",
    Conversation.institution_id,
    _HOLDER,
    Conversation.person_id,
    unique=True,
    where=Conversation.person_id.is_not(None),
)
partial_index(
    "uq_conversation_number",
    Conversation.institution_id,
    _HOLDER,
    Conversation.contact_number_id,
    unique=True,
    where=Conversation.person_id.is_(None),
)
Index("ix_conversation_inbox", Conversation.staff_id, Conversation.last_message_at.desc())
Index("ix_conversation_all", Conversation.institution_id, Conversation.last_message_at.desc())
partial_index(
    "ix_conversation_unread", Conversation.staff_id, Conversation.unread, where=CONVERSATION_UNREAD
)
partial_index(
    "ix_conversation_unclaimed",
    Conversation.institution_id,
    Conversation.last_message_at.desc(),
    where=CONVERSATION_UNCLAIMED,
)
partial_index("ix_conversation_snoozed", Conversation.snoozed_until, where=CONVERSATION_SNOOZED)
partial_index(
    "ix_conversation_unit",
    Conversation.org_unit_id,
    Conversation.last_message_at.desc(),
    where=CONVERSATION_IN_UNIT,
)


def _words_of_body(context: Any) -> str:
    return folded(context.get_current_parameters()["body"])


class Message(Base):
    """One text or email, in or out. The row is the work item: nothing else queues it.

    `decision`: the steps that led to `channel` and `reason`. `month` and `places`: what it has
    taken of the limit, given back to that month only if the provider never took it (D28). `due_at`:
    not offered before. `expires_at`: not sent stale after (D38). `lease_until`: claimed by a worker
    until then. `send_at`: held until then; `wish`: the channel that was asked for (D40); `asks_at`:
    they wrote meanwhile, so its writer is asked first. `words`: what search finds it by
    (`rules.search`).
    """

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("provider_account_id", "provider_sid"),
        UniqueConstraint("staff_id", "idempotency_key"),
        Index("ix_message_thread", "conversation_id", "id"),
        Index("ix_message_said", "conversation_id", "created_at", "id"),
        Index("ix_message_pair", "contact_number_id", "sender_number_id", "id"),
        Index("ix_message_person", "person_id", "id"),
        Index("ix_message_log", "institution_id", "id"),
        Index("ix_message_sent", "institution_id", "created_at", "id"),
        Index("ix_message_status", "institution_id", "status", "channel", "created_at", "id"),
        partial_index(
            "uq_message_resend_of",  # resent once: whoever presses twice sends no third text
            "resend_of",
            unique=True,
            where=text("resend_of IS NOT NULL"),
        ),
        partial_index(
            "ix_message_month",  # the month's texts, day by day
            "institution_id",
            "month",
            "created_at",
            where=text("month IS NOT NULL"),
        ),
        partial_index("ix_message_unit", "org_unit_id", "created_at", "id", where=MESSAGE_IN_UNIT),
        partial_index("ix_message_held", "conversation_id", "send_at", where=MESSAGE_HELD),
        partial_index("ix_message_due", "provider_account_id", "status", where=MESSAGE_UNFINISHED),
        partial_index(
            "ix_message_next", "sender_number_id", "priority", "id", where=MESSAGE_UNFINISHED
        ),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    conversation_id: Mapped[int] = mapped_column(Id, ref("conversation"))
    staff_id: Mapped[int | None] = mapped_column(Id, ref("staff"))  # who wrote it
    holder_id: Mapped[int | None] = mapped_column(Id)  # where no staff did: who held the thread
    person_id: Mapped[int | None] = mapped_column(Id, ref("person"))
    direction: Mapped[Direction] = mapped_column(ByValue(Direction))
    kind: Mapped[Kind] = mapped_column(ByValue(Kind), default=Kind.CONVERSATION)
    org_unit_id: Mapped[int | None] = mapped_column(Id)  # of its conversation, as it was made
    channel: Mapped[Channel] = mapped_column(ByValue(Channel))
    status: Mapped[Status] = mapped_column(ByValue(Status))
    reason: Mapped[Reason | None] = mapped_column(ByValue(Reason))
    body: Mapped[str] = mapped_column(Text)
    words: Mapped[str] = mapped_column(Text, default=_words_of_body, deferred=True)
    encoding: Mapped[str | None] = mapped_column(String(8))
    segments: Mapped[int | None]
    sender_number_id: Mapped[int | None] = mapped_column(Id, ref("sender_number"))
    contact_number_id: Mapped[int | None] = mapped_column(Id, ref("contact_number"))
    from_address: Mapped[str | None] = mapped_column(String(320))
    to_address: Mapped[str | None] = mapped_column(String(320))
    provider_account_id: Mapped[int | None] = mapped_column(Id, ref("provider_account"))
    provider_sid: Mapped[str | None] = mapped_column(String(64))
    decision: Mapped[json_list]
    error_code: Mapped[str | None] = mapped_column(String(32))
    error_message: Mapped[str | None] = mapped_column(String(300))
    idempotency_key: Mapped[str | None] = mapped_column(String(80))
    keyword: Mapped[Keyword | None] = mapped_column(ByValue(Keyword))  # what an inbound text said
    resend_of: Mapped[int | None] = mapped_column(Id, ref("message"))
    email_id: Mapped[int | None] = mapped_column(Id, ref("email"), index=True)
    priority: Mapped[int] = mapped_column(default=0)  # lower goes first: 0 a person, 10 bulk
    month: Mapped[str | None] = mapped_column(String(7))
    places: Mapped[int] = mapped_column(default=0)
    retries: Mapped[int] = mapped_column(default=0)  # after 30003
    send_at: Mapped[when_or_never]
    wish: Mapped[str | None] = mapped_column(String(8))
    asks_at: Mapped[when_or_never]
    due_at: Mapped[when_or_never]
    expires_at: Mapped[when_or_never]
    lease_until: Mapped[when_or_never]
    created_at: Mapped[when]
    sent_at: Mapped[when_or_never]
    delivered_at: Mapped[when_or_never]


class Attempt(Base):
    """One try to hand a text to the provider.

    `calling_at` is stamped just before the call; an attempt without it provably sent nothing.
    `answered_at`: the call ended, whatever came out. `look_at`: when the provider is asked about it
    next, after `looks` times that said nothing new. Times of the database's clock.
    """

    __tablename__ = "attempt"
    __table_args__ = (
        partial_index(
            "ix_attempt_on_the_wire",
            "contact_number_id",
            where=text("calling_at IS NOT NULL AND answered_at IS NULL"),
        ),
        partial_index("ix_attempt_look", "look_at", where=text("look_at IS NOT NULL")),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    uuid: Mapped[str] = mapped_column(String(36), unique=True)
    message_id: Mapped[int] = mapped_column(Id, ref("message"), index=True)
    contact_number_id: Mapped[int] = mapped_column(Id, ref("contact_number"))
    status: Mapped[Status] = mapped_column(ByValue(Status), default=Status.SENDING)
    provider_sid: Mapped[str | None] = mapped_column(String(64))
    error_code: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[when]
    calling_at: Mapped[when_or_never]
    answered_at: Mapped[when_or_never]
    look_at: Mapped[when_or_never]
    looks: Mapped[int] = mapped_column(default=0)


class DeliveryReport(Base):
    """Every status callback, as it came; a repeat is no second row. `error` "" where there was
    none."""

    __tablename__ = "delivery_report"
    __table_args__ = (UniqueConstraint("provider_account_id", "provider_sid", "status", "error"),)

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    provider_account_id: Mapped[int] = mapped_column(Id, ref("provider_account"))
    provider_sid: Mapped[str] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(32))
    error: Mapped[str] = mapped_column(String(32), default="")
    attempt_id: Mapped[int] = mapped_column(Id, ref("attempt"), index=True)
    at: Mapped[when]


class Picture(Base):
    """Media that came with a text: where the provider keeps it. Fetched only when somebody
    looks."""

    __tablename__ = "picture"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    message_id: Mapped[int] = mapped_column(Id, ref("message"), index=True)
    url: Mapped[str] = mapped_column(Text)
    content_type: Mapped[str] = mapped_column(String(100))


class Marker(Base):
    """What happened in a thread besides texts: opted out, number handed over, ..."""

    __tablename__ = "marker"

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    conversation_id: Mapped[int] = mapped_column(Id, ref("conversation"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(400))
    detail: Mapped[json_map]
    at: Mapped[when]


class Email(Base):
    """An email to send: a message that cannot go as a text, or a notice to a member of staff.

    `message_header` is the Message-ID, made once, so that a repeated hand-over is the same mail.
    """

    __tablename__ = "email"
    __table_args__ = (
        partial_index("ix_email_due", "due_at", where=EMAIL_UNFINISHED),
        Index("ix_email_log", "institution_id", "created_at", "id"),
    )

    id: Mapped[pk]
    institution_id: Mapped[institution_fk]
    kind: Mapped[str] = mapped_column(String(16))  # fallback | notice | link
    to_address: Mapped[str] = mapped_column(String(320))
    reply_to: Mapped[str | None] = mapped_column(String(320))
    sender_name: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(Text)
    text_body: Mapped[str] = mapped_column(Text)
    message_header: Mapped[str] = mapped_column(String(200), unique=True)
    status: Mapped[Status] = mapped_column(ByValue(Status), default=Status.QUEUED)
    tries: Mapped[int] = mapped_column(default=0)
    error: Mapped[str | None] = mapped_column(String(300))
    due_at: Mapped[when]
    lease_until: Mapped[when_or_never]
    created_at: Mapped[when]
    sent_at: Mapped[when_or_never]
