"""Web: what the carrier's two sites share: who may come in, security headers, times and numbers."""

import time
from urllib.parse import urlsplit

import phonenumbers
from flask import Flask, Response, abort, request

from app.config import LOOPBACK, ROOT

_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none';"
    " frame-ancestors 'none'"
)


def site(name: str) -> Flask:
    """A Flask app with the common templates and static files, for this machine only."""
    app = Flask(
        name, template_folder=str(ROOT / "templates"), static_folder=str(ROOT / "app" / "static")
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]
    app.before_request(_only_from_here)
    app.after_request(_secure)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters |= {"phone": phone, "clock": clock, "day_and_time": day_and_time}
    return app


def _only_from_here() -> None:
    """Refuse other machines, and other sites open in a browser on this one."""
    host = urlsplit(f"//{request.host}").hostname
    foreign = request.headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site")
    if request.remote_addr not in LOOPBACK or host not in LOOPBACK:
        abort(403, "This carrier is for practice, on its own machine only.")
    if foreign and request.method != "GET":
        abort(403, "Another site may not use the practice phones.")


def _secure(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", _POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def phone(number: str) -> str:
    """(512) 555-0147; other countries' numbers with their code, what is no number as it is."""
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    at_home = parsed.country_code == 1
    style = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(parsed, style.NATIONAL if at_home else style.INTERNATIONAL)


def clock(at: float) -> str:
    """This machine's time of day with milliseconds, like 9:42:07.118."""
    local = time.localtime(at)
    return f"{local.tm_hour}:{local.tm_min:02d}:{local.tm_sec:02d}.{int(at % 1 * 1000):03d}"


def day_and_time(at: float) -> str:
    """This machine's time, like Nov 3, 9:42:07."""
    local = time.localtime(at)
    return f"{time.strftime('%b', local)} {local.tm_mday}, {clock(at)[:-4]}"
