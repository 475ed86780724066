"""Heartbeat: this web process says every few seconds that it can store what comes in (D42)."""

import threading
import time

import structlog
from flask import Flask

from app.config import Settings
from app.services import gaps

log = structlog.get_logger()

_AGAIN = 0.5  # seconds after a beat that failed: nothing may leave before the next one


def start(app: Flask) -> None:
    """Beat from now on, in a thread that ends with the process."""
    threading.Thread(target=_run, args=(app,), name="heartbeat", daemon=True).start()


def _run(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    while True:
        try:
            with app.app_context():
                gaps.beat()
            gaps.turned_away.wait(settings.timing.beat_every)
        except Exception as error:  # the database is away, or whatever it is: never the last beat
            log.warning("beat_missed", error=type(error).__name__)
            gaps.turned_away.set()
            time.sleep(_AGAIN)
