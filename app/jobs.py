"""Jobs: the names and queues of everything that runs in a worker, and the bells that wake it.

A ring carries nothing that matters: it may be lost, repeated or late, because a job works on
whatever is due in the database and the sweep rings again for what was left. `app` never imports
`workers`; it rings by name, and a test resolves every name.
"""

import json
from collections.abc import Iterable
from enum import StrEnum
from typing import Any

import structlog
from flask import Flask, current_app
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as LostConnection
from redis.retry import Retry
from rq import Queue
from rq.serializers import JSONSerializer

log = structlog.get_logger()

# What waits for a provider stands in queues of its own: one that is silent holds up no mail. So
# do the systems of others, and what takes a minute: files of people.
QUEUES = ("delivery", "asking", "files", "hooks", "default")
DELIVERY_QUEUE, ASKING_QUEUE, FILES_QUEUE, HOOKS_QUEUE, DEFAULT_QUEUE = QUEUES
BELL = "replyline:events"  # Redis channel; the payload is an institution's id, or a whisper
_RING_SECONDS = 60  # a ring that nobody answered is forgotten after this
_REDIS_TIMEOUT = 1.0  # seconds; a request never waits longer for a bell


class Job(StrEnum):
    """The importable name of each job."""

    DELIVER = "workers.delivery.deliver"
    SETTLE = "workers.settling.settle"
    IMPORT = "workers.gaps.import_missed"
    IMPORT_PEOPLE = "workers.files.import_people"
    TELL_HOOKS = "workers.hooks.tell"
    SEND_EMAILS = "workers.email.send_due"
    SWEEP = "workers.upkeep.sweep"
    NOTICES = "workers.upkeep.write_notices"
    RELEASE = "workers.upkeep.release_held"
    FORGET = "workers.upkeep.forget_old"
    SUMMARY = "workers.facts.write_summaries"
    FACTS = "workers.facts.close_days"


QUEUE_OF = {
    Job.DELIVER: DELIVERY_QUEUE,
    Job.SETTLE: ASKING_QUEUE,
    Job.IMPORT: ASKING_QUEUE,
    Job.IMPORT_PEOPLE: FILES_QUEUE,
    Job.TELL_HOOKS: HOOKS_QUEUE,
}


def init_app(app: Flask, redis_url: str) -> None:
    """One connection pool per process; nothing is connected before the first use."""
    app.extensions["redis"] = Redis.from_url(
        redis_url,
        socket_timeout=_REDIS_TIMEOUT,
        socket_connect_timeout=_REDIS_TIMEOUT,
        # For a connection that broke while it was idle; who is slow now is as slow again (F16).
        retry=Retry(NoBackoff(), 1, (LostConnection,)),
    )


def without_bells(app: Flask) -> None:
    """For what runs before Redis does: nothing rings, and the first sweep finds what was left."""
    app.extensions["redis"] = None


def redis() -> Redis:
    client: Redis = current_app.extensions["redis"]
    return client


def queue(name: str, connection: Redis | None = None) -> Queue:
    return Queue(name, connection=connection or redis(), serializer=JSONSerializer)


def ring(job: Job) -> None:
    """Ask a worker to run `job` soon; nothing where it has been asked already. Never raises.

    Call after the commit. The key keeps rings from piling up; `answered` deletes it.
    """
    if current_app.extensions["redis"] is None:
        return
    try:
        if redis().set(_key(job), 1, nx=True, ex=_RING_SECONDS):
            queue(QUEUE_OF.get(job, DEFAULT_QUEUE)).enqueue(
                job.value, result_ttl=0, failure_ttl=0, job_timeout=_RING_SECONDS * 5
            )
    except RedisError as error:
        log.warning("ring_lost", job=job.value, error=type(error).__name__)


def answered(job: Job) -> None:
    """To be called by `job` before its first look at the database: what is queued from now on rings
    anew."""
    try:
        redis().delete(_key(job))
    except RedisError:
        log.warning("ring_not_cleared", job=job.value)


def ring_bell(institution_id: int) -> None:
    """Wake the live readers of all web processes. Never raises."""
    if current_app.extensions["redis"] is None:
        return
    try:
        redis().publish(BELL, institution_id)
    except RedisError as error:
        log.warning("bell_lost", error=type(error).__name__)


def whisper(institution_id: int, audience: Iterable[str], frame: dict[str, Any]) -> None:
    """Tell the browsers that may hear it what nobody needs to remember. Raises RedisError."""
    told = {"institution": institution_id, "audience": list(audience), "frame": frame}
    redis().publish(BELL, json.dumps(told))


def _key(job: Job) -> str:
    return f"ring:{job.value}"
