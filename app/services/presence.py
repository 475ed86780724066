"""Presence: who has a browser connected, so that nobody is emailed about what they can see
(S3-16), and who is typing an answer, so that two people do not answer at once.

Typing is told by Redis alone: it is over in seconds, and nothing is lost with it.
"""

import time
from typing import Any

import structlog
from redis import RedisError
from sqlalchemy import select, update

from app import clock, jobs
from app.database import db, retrying, transaction
from app.models import Conversation, Staff
from app.rules.access import Viewer, conversation_audience

log = structlog.get_logger()

STILL_TYPING = 8.0  # seconds after the last letters


@retrying
def note(staff_ids: set[int]) -> None:
    """These members of staff have a browser connected now."""
    if not staff_ids:
        return
    with transaction():
        db.session.execute(
            update(Staff).where(Staff.id.in_(sorted(staff_ids))).values(last_live_at=clock.now())
        )


def note_typing(viewer: Viewer, thread: Conversation) -> None:
    """The viewer is typing there just now. Never raises."""
    try:
        key = _key(thread.id)
        jobs.redis().zadd(key, {str(viewer.staff_id): time.time()})
        jobs.redis().expire(key, int(STILL_TYPING) + 1)
        frame = {"name": "presence", "ids": {"presence": thread.id}}
        jobs.whisper(viewer.institution_id, conversation_audience(thread.whose), frame)
    except RedisError as error:
        log.warning("typing_not_told", error=type(error).__name__)


def typing(viewer: Viewer, conversation_id: int) -> list[str]:
    """The names of the others who are typing there just now."""
    try:
        since = time.time() - STILL_TYPING
        found: list[Any] = jobs.redis().zrangebyscore(_key(conversation_id), since, "+inf")
    except RedisError:
        return []
    ids = {int(one) for one in found} - {viewer.staff_id}
    names = select(Staff.name).where(
        Staff.id.in_(ids), Staff.institution_id == viewer.institution_id
    )
    return list(db.session.execute(names.order_by(Staff.name)).scalars()) if ids else []


def _key(conversation_id: int) -> str:
    return f"replyline:typing:{conversation_id}"
