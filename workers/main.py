"""Main: one RQ worker process. The app is made once; jobs run in this process, one after the
other."""

from typing import Any

from flask import Flask
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app import jobs
from app.config import Settings


class Worker(SimpleWorker):
    """Each job has a context, and so a database session, of its own: one that was left open would
    show the next job the past."""

    app: Flask

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
    worker.work(logging_level="WARNING", with_scheduler=False)
