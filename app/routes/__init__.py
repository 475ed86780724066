"""Routes: browser pages and the provider's webhooks. Parse, call one service, render."""

import uuid
from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from flask_wtf.csrf import CSRFError, CSRFProtect
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException

from app.database import db
from app.errors import ReplylineError, Unauthorized, Unavailable
from app.routes import (  # noqa: F401 (compose, handling and later are of the inbox)
    analytics,
    audit_log,
    compose,
    configuration,
    filters,
    handling,
    health,
    hooks,
    identify,
    imports,
    inbox,
    joining,
    later,
    messages,
    org_units,
    password,
    people,
    person_phones,
    profile,
    roles,
    session,
    staff,
    standard_texts,
    statics,
    tokens,
    webhooks,
)
from app.rules.access import Can
from app.rules.self_test import MARK
from app.security import to_sign_in, viewer_of_cookie

log = structlog.get_logger()
csrf = CSRFProtect()

# Blueprints that a browser's cookie does not reach: their callers prove themselves otherwise.
_NO_COOKIE = {"webhooks", "health"}

_PAGES = (
    session.bp,
    inbox.bp,
    messages.bp,
    people.bp,
    person_phones.bp,
    imports.bp,
    identify.bp,
    joining.bp,
    analytics.bp,
    configuration.bp,
    hooks.bp,
    audit_log.bp,
    staff.bp,
    roles.bp,
    org_units.bp,
    profile.bp,
    password.bp,
    standard_texts.bp,
    tokens.bp,
)


def init_app(app: Flask) -> None:
    app.before_request(_begin)  # first of all, so that every refusal knows its request
    csrf.init_app(app)
    filters.init_app(app)
    statics.init_app(app)
    for blueprint in (webhooks.bp, health.bp):
        app.register_blueprint(blueprint)
        csrf.exempt(blueprint)
    for blueprint in _PAGES:
        app.register_blueprint(blueprint)
    app.after_request(_log)
    app.register_error_handler(ReplylineError, _ours)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(OperationalError, _database)
    app.register_error_handler(PoolTimeout, _database)
    app.register_error_handler(Exception, _unexpected)


def _begin() -> None:
    """Name the request, and know who asks before anything else happens."""
    g.request_id = uuid.uuid4().hex[:16]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    by_cookie = request.blueprint not in _NO_COOKIE and not _speaks_json()
    if by_cookie and request.endpoint != "static":
        g.viewer = viewer_of_cookie()
        if request.endpoint == imports.UPLOAD and g.viewer and g.viewer.can(Can.PEOPLE_IMPORT):
            request.max_content_length = imports.MOST_BYTES


def _log(response: Response) -> Response:
    if request.endpoint not in ("static", "health.healthz"):
        log.info(
            "request",
            method=request.method,
            rule=str(request.url_rule),
            status=response.status_code,
        )
    response.headers["X-Request-Id"] = g.get("request_id", "")
    return response


def _ours(error: ReplylineError) -> Any:
    if isinstance(error, Unauthorized) and not _speaks_json():
        return to_sign_in()
    return answer(error.http_status, error.code, str(error), error.fields)


def _http(error: HTTPException) -> Any:
    code = (error.name or "error").lower().replace(" ", "_")
    response = answer(error.code or 500, code, error.description or error.name)
    for name, value in error.get_headers():
        if name.lower() in ("allow", "retry-after"):
            response.headers[name] = value
    return response


def _csrf(error: CSRFError) -> Any:
    return answer(400, "csrf", "The form has expired. Reload the page and send it again.")


def _database(error: OperationalError | PoolTimeout) -> Any:
    log.error("database_away", error=type(error).__name__)
    db.session.remove()
    gone = Unavailable("The database is away or busy. Try again in a moment.")
    return answer(503, gone.code, str(gone))


def _unexpected(error: Exception) -> Any:
    log.exception("unexpected_error", error=type(error).__name__)
    db.session.remove()
    return answer(500, "internal", "Something went wrong on our side.")


def _speaks_json() -> bool:
    return request.path.startswith("/api/")


def answer(
    status: int, code: str, message: str, fields: list[dict[str, str]] | None = None
) -> Response:
    """An error in the caller's language: JSON for the API, nothing for a provider, a page for
    people."""
    if _speaks_json():
        body = {
            "code": code,
            "message": message,
            "fields": fields or [],
            "request_id": g.get("request_id"),
        }
        response = jsonify({"error": body})
    elif request.path.startswith("/webhooks/"):
        log.warning("webhook_refused", code=code, why=message)
        response = Response("", content_type="text/plain", headers={MARK: code})
    else:
        told = message if status in (409, 422) else None
        if status >= 500:
            g.pop("viewer", None)  # the frame around a page asks the database, which may be away
        page = render_template("error.html", status=status, message=told)
        response = Response(page, content_type="text/html; charset=utf-8")
    response.status_code = status
    return response
