"""HTTP: a lean client for the Twilio SDK, with a deadline around the whole call.

The SDK's own client has no timeout by default. This one keeps connections alive for as many calls
as run at once.
"""

import threading
from typing import Any
from urllib.parse import urlencode

import urllib3
from twilio.http import HttpClient
from twilio.http.response import Response

from app.providers import deadlines
from app.providers.deadlines import DeadlinePassed as DeadlinePassed

LONGEST_ANSWER = 4 * 1024 * 1024  # bytes

_this = threading.local()  # the call of this thread: `wait`, see asked_to_wait


def asked_to_wait() -> float | None:
    """The seconds that the latest answer of this thread asked for by Retry-After."""
    return getattr(_this, "wait", None)


class DeadlineHttpClient(HttpClient):
    """`deadline`: seconds from the first byte sent to the last received. `calls`: how many at
    once."""

    def __init__(self, deadline: float, calls: int = 64) -> None:
        self._deadline = deadline
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=calls, retries=False)
        self._pool.pool_classes_by_scheme = {
            "http": deadlines.HttpPool,
            "https": deadlines.HttpsPool,
        }

    def request(
        self,
        method: str,
        url: str,
        params: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
        **_: Any,
    ) -> Response:
        _this.wait = None
        deadlines.begin(self._deadline)
        sent = dict(headers or {})
        if auth:
            sent |= urllib3.make_headers(basic_auth=":".join(auth))
        body = None
        if data is not None:
            body = urlencode(data, doseq=True)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        if params:
            url = f"{url}?{urlencode(params, doseq=True)}"
        try:
            return self._once(method.upper(), url, body, sent)
        except urllib3.exceptions.ProtocolError:
            # A lost connection says nothing, but a read may be repeated (reliability 3.2).
            if method.upper() != "GET" or deadlines.is_over():
                raise
            return self._once("GET", url, body, sent)

    def _once(self, method: str, url: str, body: str | None, headers: dict[str, str]) -> Response:
        answer = self._pool.request(
            method,
            url,
            body=body,
            headers=headers,
            timeout=urllib3.Timeout(total=deadlines.left()),
            redirect=False,
            preload_content=False,
        )
        text = deadlines.read(answer, LONGEST_ANSWER).decode("utf-8", "replace")
        _this.wait = _retry_after(answer)
        return Response(answer.status, text, answer.headers)


def _retry_after(answer: urllib3.BaseHTTPResponse) -> float | None:
    try:
        return urllib3.Retry().get_retry_after(answer)
    except urllib3.exceptions.InvalidHeader:
        return None
