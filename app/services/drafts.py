"""Drafts: what somebody has typed in a conversation and not sent."""

from sqlalchemy import select

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.models import Conversation, Message, Note, SavedDraft
from app.rules.access import Viewer
from app.services import sending, threads

LONGEST = 5000  # characters


@retrying
def save(viewer: Viewer, conversation_id: int, body: str, key: str) -> None:
    """Keep what is typed; nothing typed is no draft. Raises as `sending.in_thread`.

    `key`: what it would be sent under. What was sent under it a moment ago is no draft any more,
    and the lock on the conversation says which of the two came first.
    """
    now = clock.now()
    with transaction():
        sending.thread_target(viewer, conversation_id)
        thread = db.session.get(
            Conversation, conversation_id, with_for_update=LOCK, populate_existing=True
        )
        if thread is None or _is_sent(viewer, key):  # None: it became part of another just now
            return
        if not body.strip():
            threads.forget_draft(viewer.staff_id, conversation_id)
            return
        row = {
            "staff_id": viewer.staff_id,
            "conversation_id": conversation_id,
            "institution_id": viewer.institution_id,
            "body": body[:LONGEST],
            "updated_at": now,
        }
        fresh = {name: row[name] for name in ("body", "updated_at")}
        keys = ["staff_id", "conversation_id"]
        made = upsert(SavedDraft).values(row)
        db.session.execute(made.on_conflict_do_update(index_elements=keys, set_=fresh))


def _is_sent(viewer: Viewer, key: str) -> bool:
    sent, noted = (
        select(table.id).where(table.staff_id == viewer.staff_id, table.idempotency_key == key)
        for table in (Message, Note)
    )
    return db.session.execute(sent.union_all(noted)).first() is not None
