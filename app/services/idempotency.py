"""Idempotency: a request that comes again under the same key has one effect and one answer.

The key is taken by the first statement of the transaction that does the work, and the answer is
kept by its last: they are committed together or not at all, so a crash leaves nothing half done.
Who comes second, however soon, waits at the key for the first (I8). Only what was done is kept: a
request that was refused may be repeated under its key, and is looked at anew.
"""

import hmac
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from flask import current_app
from sqlalchemy import delete, select, update

from app import clock
from app.database import db, prolonged, transaction, upsert
from app.errors import Conflict, ReplylineError
from app.models import Idempotency
from app.rules.access import Viewer

KEPT = timedelta(days=2)  # 24 hours is what programs are promised


def once(
    viewer: Viewer, key: str, request: bytes, work: Callable[[], tuple[bytes, bytes]]
) -> bytes:
    """The answer to a request under this key: made by `work`, or kept from when it was made.

    `work` runs at most one use case, and returns its answer and what of it may be kept. Raises
    Conflict `idempotency_mismatch` where the key was used for another request.
    """
    asked = _fingerprint(request)
    if (kept := _kept(viewer, key, asked)) is not None:
        return kept
    taken: list[int] = []  # not by work that wrote nothing: there is nothing to repeat
    try:
        with prolonged(partial(_take, viewer, key, asked, taken)):
            answer, keepable = work()
            if taken:
                _keep(taken[-1], keepable)
    except ReplylineError:
        db.session.rollback()  # look anew: perhaps the same request was faster, and is in the way
        if (kept := _kept(viewer, key, asked)) is not None:
            return kept
        raise
    return answer


def _fingerprint(request: bytes) -> str:
    """Keyed, because a request may hold a password: nobody can try words against what is kept."""
    secret = str(current_app.config["SECRET_KEY"]).encode()
    return hmac.digest(secret, request, "sha256").hex()


def _kept(viewer: Viewer, key: str, asked: str) -> bytes | None:
    row = db.session.execute(
        select(Idempotency.asked, Idempotency.answer).where(
            Idempotency.staff_id == viewer.staff_id, Idempotency.key == key
        )
    ).first()
    if row is None:
        return None
    if not hmac.compare_digest(row.asked, asked):
        raise Conflict(
            "This Idempotency-Key was used for another request.", code="idempotency_mismatch"
        )
    return row.answer.encode()


def _take(viewer: Viewer, key: str, asked: str, taken: list[int]) -> None:
    row = {
        "institution_id": viewer.institution_id,
        "staff_id": viewer.staff_id,
        "key": key,
        "asked": asked,
        "answer": "",
        "created_at": clock.now(),
    }
    made = db.session.execute(
        upsert(Idempotency).values(row).on_conflict_do_nothing().returning(Idempotency.id)
    ).scalar_one_or_none()
    if made is None:
        raise Conflict("This Idempotency-Key is in use. Try again in a moment.")
    taken.append(made)


def _keep(row_id: int, answer: bytes) -> None:
    db.session.execute(
        update(Idempotency)
        .where(Idempotency.id == row_id)
        .values(answer=answer.decode())
        .returning(Idempotency.id)
    ).scalar_one()  # the key is of this very transaction


def forget_old() -> None:
    """Let go of keys that nobody repeats any more. Safe at any time, and to repeat."""
    with transaction():
        db.session.execute(delete(Idempotency).where(Idempotency.created_at < clock.now() - KEPT))
