"""Live: the two doors for sockets (contract 5). Who may come in, and what they missed.

A browser is a reader with a bookmark: connecting, reconnecting and catching up are one case. A
request admits it and replays what it missed; then `hub` holds the connection, and the web server's
greenlet and the request are gone: an idle socket costs next to nothing.
"""

import socket
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, request
from flask_sock import Sock
from simple_websocket import Server
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import BadRequest
from wsproto.utilities import RemoteProtocolError

from app import events
from app.config import Settings
from app.database import db
from app.errors import Forbidden, Unauthorized, Unavailable
from app.live.hub import Hub
from app.live.line import TRY_AGAIN, Line, packed
from app.rules.access import READERS
from app.security import credential, require_one, viewer_of_token
from app.services import presence

log = structlog.get_logger()
sock = Sock()

_BROWSER, _PROGRAM = "/live", "/api/v1/live"


class _NoThread:
    """In place of the thread that would read one socket: the hub's listener reads them all."""

    name = ""

    def __init__(self, target: Any) -> None:
        pass

    def start(self) -> None:
        pass


def init_app(app: Flask) -> None:
    app.config["SOCK_SERVER_OPTIONS"] = {"thread_class": _NoThread}
    app.extensions["live"] = Hub(app)
    app.before_request(_admit)
    app.register_error_handler(RemoteProtocolError, _no_handshake)
    sock.init_app(app)


def _admit() -> Response | None:
    """Who may open a socket is decided before the upgrade: flask-sock answers 101 before its
    handler."""
    if request.path == _BROWSER:
        if not _from_our_own_page():
            raise Forbidden("Sockets are opened from our own pages only.")
        if g.viewer is None:
            return Response("", status=401)
    elif request.path == _PROGRAM:
        g.viewer = viewer_of_token()
        if g.viewer is None:
            raise Unauthorized("Send a valid token: “Authorization: Bearer TOKEN”.")
    else:
        return None
    require_one(*READERS)
    hub: Hub = current_app.extensions["live"]
    if hub.is_full:
        raise Unavailable("There are too many sockets. Try again in a moment.")
    # Compressing would cost 90 KB a socket, and each event as often as it is sent.
    request.environ.pop("HTTP_SEC_WEBSOCKET_EXTENSIONS", None)
    return None


def _from_our_own_page() -> bool:
    settings: Settings = current_app.config["SETTINGS"]
    origin, ours = urlsplit(request.headers.get("Origin", "")), urlsplit(settings.public)
    return (origin.scheme, origin.netloc) == (ours.scheme, ours.netloc)


def _no_handshake(error: RemoteProtocolError) -> Any:
    return current_app.handle_user_exception(BadRequest(str(error)))


@sock.route(_BROWSER)  # type: ignore[untyped-decorator]
def live(ws: Server) -> None:
    _serve(ws)


@sock.route(_PROGRAM)  # type: ignore[untyped-decorator]
def live_for_programs(ws: Server) -> None:
    _serve(ws)


def _serve(ws: Server) -> None:
    """Catch up from the bookmark, say `ready`, then hear what happens."""
    hub: Hub = current_app.extensions["live"]
    line = Line(_taken(ws), g.viewer, credential())
    try:
        if line.credential.kind == "login" and not hub.knows(line):
            presence.note({line.viewer.staff_id})
        since = request.args.get("since", "")
        known = int(since) if since.isdecimal() and len(since) < 19 else -1
        while not hub.join(line, known := _replay(line, known)):
            pass
    except OSError:  # it is gone, or does not read
        line.close()
    except Exception as error:  # after the upgrade there is no answer but a close code
        away = isinstance(error, SQLAlchemyError | Unavailable)
        log.warning("live_refused", error=type(error).__name__, exc_info=not away)
        line.end(TRY_AGAIN)
        line.close()
    finally:
        db.session.remove()


def _taken(ws: Server) -> socket.socket:
    """The connection, out of the hands of the web server, which closes it after the request."""
    ws.connected = False  # or flask-sock would say goodbye
    return socket.socket(fileno=ws.sock.detach())


def _replay(line: Line, known: int) -> int:
    """Tell what happened since the bookmark `known`, or to reload where it cannot be proven that
    this is all of it (I19); how far that was."""
    institution = line.viewer.institution_id
    newest = events.newest(institution)
    if not max(0, newest - events.REPLAY_LIMIT) <= known <= newest:
        return _resync(line, newest)
    while known < newest:
        batch = events.after(institution, known)
        db.session.rollback()  # nothing is held while we send
        if not batch or batch[0].seq != known + 1:  # what came before is not kept any more
            return _resync(line, newest)
        line.tell(b"".join(packed(frame) for frame in events.visible(batch, line.viewer.audience)))
        known = batch[-1].seq
    return known


def _resync(line: Line, newest: int) -> int:
    line.tell(packed({"name": "resync", "seq": newest}))
    return newest
