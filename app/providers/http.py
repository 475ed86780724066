"""HTTP: a lean client for the Twilio SDK, with a deadline around the whole call.

The SDK's own client has no timeout by default, and then one per read, so that an answer which drips
in may hang a worker for ever. This one keeps connections alive for as many calls as run at once.
"""

import time
from typing import Any
from urllib.parse import urlencode

import urllib3
from twilio.http import HttpClient
from twilio.http.response import Response

CHUNK = 16 * 1024
LONGEST_ANSWER = 4 * 1024 * 1024  # bytes


class DeadlinePassed(Exception):
    """The answer did not come in time; whether the call did anything is not known."""


class DeadlineHttpClient(HttpClient):
    """`deadline`: seconds from the first byte sent to the last received. `calls`: how many at
    once."""

    def __init__(self, deadline: float, calls: int = 64) -> None:
        self._deadline = deadline
        self._pool = urllib3.PoolManager(num_pools=4, maxsize=calls, retries=False)

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
        ends = time.monotonic() + self._deadline
        sent = dict(headers or {})
        if auth:
            sent |= urllib3.make_headers(basic_auth=":".join(auth))
        body = None
        if data is not None:
            body = urlencode(data, doseq=True)
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._pool.request(
            method.upper(),
            f"{url}?{urlencode(params, doseq=True)}" if params else url,
            body=body,
            headers=sent,
            timeout=urllib3.Timeout(total=self._deadline),
            redirect=False,
            preload_content=False,
        )
        try:
            text = self._read(answer, ends).decode("utf-8", "replace")
        except BaseException:
            answer.close()  # never back into the pool with half an answer in it
            raise
        answer.release_conn()
        return Response(answer.status, text, answer.headers)

    @staticmethod
    def _read(answer: urllib3.BaseHTTPResponse, ends: float) -> bytes:
        parts: list[bytes] = []
        while chunk := answer.read1(CHUNK):
            parts.append(chunk)
            if time.monotonic() > ends or sum(map(len, parts)) > LONGEST_ANSWER:
                raise DeadlinePassed("the answer was not complete in time")
        return b"".join(parts)
