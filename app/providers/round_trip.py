"""Round trip: a request to our own public address, on the way that the provider's take: by its
name, through the proxy, and back in.

`urllib3` is imported where it is used: a process that only receives does not need it.
"""

import time
from collections.abc import Mapping
from urllib.parse import urlencode

from app.rules.self_test import MARK, Answer, Failure

_LONGEST = 64 * 1024  # bytes of an answer


def post(url: str, form: Mapping[str, str], signature: str | None, seconds: float) -> Answer:
    """What comes back, within `seconds`. Never raises."""
    import urllib3

    headers = {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "Replyline"}
    if signature is not None:
        headers["X-Twilio-Signature"] = signature
    began = time.monotonic()
    try:
        with urllib3.PoolManager(retries=False) as pool:
            answer = pool.request(
                "POST",
                url,
                body=urlencode(form),
                headers=headers,
                redirect=False,
                timeout=urllib3.Timeout(total=seconds),
                preload_content=False,
            )
            try:
                answer.read(_LONGEST)
            finally:
                answer.close()
    except urllib3.exceptions.HTTPError as error:
        return Answer(failure=_failure(error))
    return Answer(
        status=answer.status,
        mark=answer.headers.get(MARK, ""),
        sent_on_to=answer.headers.get("Location", "")[:200],
        ms=round((time.monotonic() - began) * 1000),
    )


def _failure(error: Exception) -> Failure:
    from urllib3 import exceptions

    found: list[tuple[type[Exception], Failure]] = [
        (exceptions.NameResolutionError, Failure.NO_NAME),
        (exceptions.NewConnectionError, Failure.NOBODY),
        (exceptions.ConnectTimeoutError, Failure.NO_CONNECTION),
        (exceptions.SSLError, Failure.CERTIFICATE),
        (exceptions.TimeoutError, Failure.SILENT),
    ]
    return next((failure for kind, failure in found if isinstance(error, kind)), Failure.CUT)
