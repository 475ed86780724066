"""Main: one RQ worker process. The app is made once; jobs run in this process, one after the
other."""

import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Any

import structlog
from flask import Flask
from redis import Redis, RedisError
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app import jobs
from app.config import Settings

log = structlog.get_logger()

stopping = threading.Event()  # a long job looks at it, and ends early
_PAUSE = 1.0  # seconds between two tries to reach Redis


class Worker(SimpleWorker):
    """Each job has a context, and so a database session, of its own: one that was left open would
    show the next job the past."""

    app: Flask
    max_connection_wait_time = 5.0  # seconds; RQ’s own minute would delay texts after Redis is back

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        stopping.set()
        with suppress(RedisError):  # it is told too, where it is there
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def perform_job(self, *args: Any, **kwargs: Any) -> bool:
        with self.app.app_context():
            return bool(super().perform_job(*args, **kwargs))


def run(app: Flask, queues: list[str]) -> None:
    """Work on these queues until SIGTERM or SIGINT; a job under way is finished first."""
    settings: Settings = app.config["SETTINGS"]
    connection = Redis.from_url(settings.redis)  # its own: it waits for jobs without a time-out
    worker = Worker(
        [jobs.queue(name, connection) for name in queues],
        connection=connection,
        serializer=JSONSerializer,
    )
    worker.app = app
    _wait_for(connection)
    worker.work(logging_level="WARNING", with_scheduler=False)


def _wait_for(redis: Redis) -> None:
    """Until Redis takes what is written: RQ ends without it, and a process that ends again and
    again ends all of `up`."""
    while True:
        try:
            redis.set("replyline:worker", 1, ex=1)
            return
        except RedisError as error:
            log.warning("worker_without_redis", error=type(error).__name__)
            time.sleep(_PAUSE)
