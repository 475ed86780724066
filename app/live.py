"""Live: sockets. One reader per process, fanned out to the sockets it holds (contract 5).

A browser is a reader with a bookmark: connecting, reconnecting and catching up are one case. The
reader is woken by the bell, reads the new events of each institution once, and puts each frame into
the queues of those who may see it. A queue is bounded: who does not read is cut off and catches up
by reconnecting.
"""

import json
import queue
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, current_app, g, request
from flask_sock import Sock
from redis import Redis, RedisError
from simple_websocket import ConnectionClosed
from sqlalchemy.exc import SQLAlchemyError

from app import events, jobs
from app.config import Settings
from app.database import db
from app.errors import Forbidden
from app.rules.access import READERS, Viewer
from app.security import (
    Credential,
    credential,
    require_one,
    still_valid,
    viewer_of_cookie,
    viewer_of_token,
)
from app.services import presence

log = structlog.get_logger()
sock = Sock()

QUEUE_LENGTH = 500  # frames; a browser this far behind is cut off
MOST_PER_PERSON = 20  # sockets; the oldest goes
MOST_CLIENT_FRAMES = 10  # a minute; none are expected
SESSION_ENDED, TOO_SLOW, TOO_MANY, NOT_EXPECTED = 4401, 4008, 4009, 1008  # close codes
_BROWSER, _PROGRAM = "/live", "/api/v1/live"


@dataclass(eq=False, slots=True)
class Client:
    """One socket. `frames`: (seq, text) to send; None = close with `code`."""

    viewer: Viewer
    credential: Credential
    audience: frozenset[str]
    frames: queue.Queue[tuple[int, str] | None] = field(
        default_factory=lambda: queue.Queue(QUEUE_LENGTH)
    )
    code: int | None = None

    def offer(self, seq: int, frame: str) -> None:
        try:
            self.frames.put_nowait((seq, frame))
        except queue.Full:
            self.end(TOO_SLOW)

    def end(self, code: int) -> None:
        """Close soon; what is queued is dropped, because the browser asks for it when it is
        back."""
        if self.code is None:
            self.code = code
            while True:
                try:
                    self.frames.get_nowait()
                except queue.Empty:
                    break
            self.frames.put_nowait(None)


class Hub:
    """The sockets of this process and the one thread that feeds them."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        # By institution, the oldest first.
        self._clients: dict[int, dict[Client, None]] = defaultdict(dict)
        self._seq: dict[int, int] = {}  # how far each institution was looked at
        self._lock = threading.Lock()
        self._reader: threading.Thread | None = None
        settings: Settings = app.config["SETTINGS"]
        self._poll = settings.timing.live_poll
        self._note_every = settings.timing.unseen_before_notice / 4

    def add(self, client: Client) -> None:
        institution = client.viewer.institution_id
        newest = events.newest(institution)
        with self._lock:
            same = [c for c in self._clients[institution] if _same_person(c, client)]
            self._clients[institution][client] = None
            self._seq.setdefault(institution, newest)
            is_first = not same
            if self._reader is None:
                self._reader = threading.Thread(target=self._run, name="live", daemon=True)
                self._reader.start()
        if len(same) >= MOST_PER_PERSON:
            same[0].end(TOO_MANY)
        if is_first and client.credential.kind == "login":
            presence.note({client.viewer.staff_id})

    def remove(self, client: Client) -> None:
        institution = client.viewer.institution_id
        with self._lock:
            self._clients[institution].pop(client, None)
            if not self._clients[institution]:
                del self._clients[institution]
                self._seq.pop(institution, None)

    def looked(self, institution: int) -> int:
        """Every event up to this one has been offered to who may see it."""
        with self._lock:
            return self._seq.get(institution, 0)

    def clients(self) -> list[Client]:
        with self._lock:
            return [client for found in self._clients.values() for client in found]

    def _run(self) -> None:
        """Read when the bell rings, and every `live_poll` seconds without it. Never ends."""
        bell = _Bell(self._app.extensions["redis"])
        checked = seen = 0.0
        while True:
            rung = bell.wait(self._poll)
            try:
                with self._app.app_context():
                    if time.monotonic() - checked >= self._poll:
                        checked, rung = time.monotonic(), None
                        self._drop_who_lost_access()
                    self._read(rung)
                    if time.monotonic() - seen >= self._note_every:
                        seen = time.monotonic()
                        self._note_who_is_here()
            except SQLAlchemyError as error:  # the database is away: look again soon
                log.warning("live_reader_waits", error=type(error).__name__)

    def _read(self, rung: set[int] | None) -> None:
        """New events of the institutions that rang; of all where nobody knows."""
        with self._lock:
            asked = {i: s for i, s in self._seq.items() if rung is None or i in rung}
        for institution, seq in asked.items():
            while batch := events.after(institution, seq):
                self._fan_out(institution, batch)
                seq = batch[-1].seq
            db.session.rollback()

    def _fan_out(self, institution: int, batch: list[events.Numbered]) -> None:
        with self._lock:
            clients = list(self._clients.get(institution, ()))
        for event in batch:
            frame = json.dumps(event.frame)
            for client in clients:
                if event.audience & client.audience:
                    client.offer(event.seq, frame)
        with self._lock:  # only now: `looked` promises that everything up to here has been offered
            if institution in self._seq:
                self._seq[institution] = batch[-1].seq

    def _drop_who_lost_access(self) -> None:
        """I23: whose session, role or account is gone hears nothing more."""
        clients = self.clients()
        valid = still_valid(c.credential for c in clients)
        for client in clients:
            viewer = valid.get(client.credential)
            if viewer is None:
                client.end(SESSION_ENDED)
            else:
                client.audience = viewer.audience

    def _note_who_is_here(self) -> None:
        here = {c.viewer.staff_id for c in self.clients() if c.credential.kind == "login"}
        presence.note(here)


def _same_person(a: Client, b: Client) -> bool:
    return a.viewer.staff_id == b.viewer.staff_id and a.credential.kind == b.credential.kind


class _Bell:
    """Redis's bell, which may be away at any time: then every wait is a full one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._subscription: Any = None

    def wait(self, seconds: float) -> set[int] | None:
        """Until it rings, `seconds` at most. The institutions that rang; None = look at all."""
        try:
            if self._subscription is None:
                self._subscription = self._redis.pubsub(  # type: ignore[no-untyped-call]
                    ignore_subscribe_messages=True
                )
                self._subscription.subscribe(jobs.BELL)
                return None  # what rang before we listened was not heard
            message = self._subscription.get_message(timeout=seconds)
            if message is None:
                return None
            rung = {int(message["data"])}
            while (more := self._subscription.get_message(timeout=0)) is not None:
                rung.add(int(more["data"]))
            return rung
        except (RedisError, OSError):
            self._subscription = None
            time.sleep(min(seconds, 1.0))
            return None


def init_app(app: Flask) -> None:
    settings: Settings = app.config["SETTINGS"]
    app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": settings.timing.live_ping,
        "max_message_size": 4096,
    }
    app.extensions["live"] = Hub(app)
    app.before_request(_admit)
    sock.init_app(app)


def _admit() -> Response | None:
    """Who may open a socket is decided before the upgrade: flask-sock answers 101 before its
    handler."""
    if request.path == _BROWSER:
        if not _from_our_own_page():
            raise Forbidden("Sockets are opened from our own pages only.")
        g.viewer = viewer_of_cookie()
    elif request.path == _PROGRAM:
        g.viewer = viewer_of_token()
    else:
        return None
    if g.viewer is None:
        return Response("", status=401, headers={"WWW-Authenticate": "Bearer"})
    require_one(*READERS)
    return None


def _from_our_own_page() -> bool:
    settings: Settings = current_app.config["SETTINGS"]
    origin, ours = urlsplit(request.headers.get("Origin", "")), urlsplit(settings.public)
    return (origin.scheme, origin.netloc) == (ours.scheme, ours.netloc)


@sock.route(_BROWSER)  # type: ignore[untyped-decorator]
def live(ws: Any) -> None:
    _serve(ws)


@sock.route(_PROGRAM)  # type: ignore[untyped-decorator]
def live_for_programs(ws: Any) -> None:
    _serve(ws)


def _serve(ws: Any) -> None:
    """Catch up from the bookmark, say `ready`, then pass on what happens."""
    viewer: Viewer = g.viewer
    hub: Hub = current_app.extensions["live"]
    settings: Settings = current_app.config["SETTINGS"]
    client = Client(viewer, credential(), viewer.audience)
    hub.add(client)
    try:
        seq = _catch_up(ws, client, request.args.get("since", ""))
        db.session.remove()  # a socket is held for hours, a database session is not
        _stream(ws, hub, client, seq, settings.timing.live_ping)
    except (ConnectionClosed, OSError):
        pass
    finally:
        db.session.remove()
        hub.remove(client)


def _catch_up(ws: Any, client: Client, since: str) -> int:
    """Replay what the bookmark missed, as far as it can be served; how far that was."""
    institution = client.viewer.institution_id
    newest = events.newest(institution)
    known = int(since) if since.isdecimal() and len(since) < 19 else -1
    if not newest - events.REPLAY_LIMIT <= known <= newest or known < 0:
        ws.send(json.dumps({"name": "resync", "seq": newest}))
        return newest
    while batch := events.after(institution, known):
        db.session.rollback()  # nothing is held while we send
        for frame in events.visible(batch, client.audience):
            ws.send(json.dumps(frame))
        known = batch[-1].seq
    ws.send(json.dumps({"name": "ready", "seq": known}))
    return known


def _stream(ws: Any, hub: Hub, client: Client, seq: int, ping: float) -> None:
    """Pass on frames beyond `seq`; every `ping` seconds how far was looked."""
    told = minute = time.monotonic()
    frames = 0
    while ws.connected:
        if (frames := frames + _received(ws)) > MOST_CLIENT_FRAMES:
            ws.close(NOT_EXPECTED)
            return
        try:
            item = client.frames.get(timeout=min(ping, 5.0))
        except queue.Empty:
            item = (0, "")
        if item is None:
            ws.close(client.code)
            return
        number, frame = item
        if number > seq:
            ws.send(frame)
            seq = number
        if time.monotonic() - minute >= 60:
            minute, frames = time.monotonic(), 0
        if time.monotonic() - told >= ping:
            told = time.monotonic()
            looked = hub.looked(client.viewer.institution_id)
            if client.frames.empty():
                seq = max(seq, looked)
                ws.send(json.dumps({"name": "seq", "seq": seq}))


def _received(ws: Any) -> int:
    """How many frames the client has sent since the last look, as far as it matters; what they say
    is of no interest."""
    count = 0
    while count <= MOST_CLIENT_FRAMES and ws.receive(timeout=0) is not None:
        count += 1
    return count
