"""Rate: how many requests a token may make in a minute (A20)."""

import structlog
from flask import current_app
from redis import RedisError
from werkzeug.exceptions import TooManyRequests

from app import clock, jobs
from app.config import Settings

_MINUTE = 60

log = structlog.get_logger()


def count(token_id: int) -> None:
    """Count one request. Raises TooManyRequests past the limit of this minute.

    Counted in Redis, which all processes share; without Redis nobody is limited.
    """
    settings: Settings = current_app.config["SETTINGS"]
    minute, second = divmod(int(clock.now().timestamp()), _MINUTE)
    key = f"api:{token_id}:{minute}"
    try:
        with jobs.redis().pipeline() as together:
            together.incr(key)
            together.expire(key, _MINUTE)
            made, _ = together.execute()
    except RedisError as error:
        log.warning("rate_not_counted", error=type(error).__name__)
        return
    if made > settings.timing.api_per_minute:
        most = settings.timing.api_per_minute
        raise TooManyRequests(
            f"This token makes more than {most} requests a minute. Wait, then go on.",
            retry_after=_MINUTE - second,
        )
