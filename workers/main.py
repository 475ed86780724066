"""Main: one RQ worker process. The app is made once; jobs run in this process, one after the
other."""

from flask import Flask
from redis import Redis
from rq import SimpleWorker
from rq.serializers import JSONSerializer

from app import jobs
from app.config import Settings


def run(app: Flask, queues: list[str]) -> None:
    """Work on these queues until SIGTERM or SIGINT; a job under way is finished first."""
    settings: Settings = app.config["SETTINGS"]
    connection = Redis.from_url(settings.redis)  # its own: it waits for jobs without a time-out
    with app.app_context():
        worker = SimpleWorker(
            [jobs.queue(name, connection) for name in queues],
            connection=connection,
            serializer=JSONSerializer,
        )
        worker.work(logging_level="WARNING", with_scheduler=False)
