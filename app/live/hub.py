"""Hub: all sockets of one process, the one reader that feeds them, and when they end.

Three threads (greenlets in production), whatever the number of sockets: the reader is woken by the
bell, reads the new events of each institution once and says each to those who may hear it; the
listener notices who hangs up, talks or does not answer; the keeper looks whether everybody still
has the rights that they came with.
"""

import json
import resource
import selectors
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import structlog
from flask import Flask
from redis import Redis, RedisError
from sqlalchemy.exc import SQLAlchemyError

from app import events, jobs
from app.config import Settings
from app.database import db
from app.errors import Unavailable
from app.live.line import SESSION_ENDED, TOO_MANY, TOO_SLOW, Line, packed
from app.rules.access import EVERYBODY, READERS, staff_audience
from app.security import Rights, still_valid
from app.services import presence

log = structlog.get_logger()

MOST_PER_PERSON = 20  # sockets of their browsers, and of their programs; the oldest goes
_DEAF = 60.0  # seconds of silence, after which we listen anew: a dead line is silent, too
_AT_A_TIME = 500  # lines whose rights are looked up together


class Room:
    """The lines of one institution, by the words that reach them. `seq`: everything up to here has
    been said to whoever may hear it."""

    def __init__(self, seq: int) -> None:
        self.seq = seq
        self._by_word: dict[str, dict[Line, None]] = defaultdict(dict)  # the oldest first

    def lines(self) -> list[Line]:
        return list(self._by_word.get(EVERYBODY, ()))

    def add(self, line: Line) -> None:
        for word in line.viewer.audience:
            self._by_word[word][line] = None

    def remove(self, line: Line) -> None:
        for word in line.viewer.audience:
            self._by_word[word].pop(line, None)
            if not self._by_word[word]:
                del self._by_word[word]

    @property
    def is_empty(self) -> bool:
        return not self._by_word

    def hearing(self, audience: Iterable[str]) -> set[Line]:
        """Whoever has one of these words."""
        return {line for word in audience for line in self._by_word.get(word, ())}

    def like(self, line: Line) -> list[Line]:
        """Those of the same person, the oldest first; of their browsers or of their programs."""
        who, kind = line.viewer.staff_id, line.credential.kind
        hear = self._by_word.get(staff_audience(who), ())  # who covers for them, too
        return [o for o in hear if o.viewer.staff_id == who and o.credential.kind == kind]


class Hub:
    def __init__(self, app: Flask) -> None:
        settings: Settings = app.config["SETTINGS"]
        self._app = app
        self._poll, self._ping = settings.timing.live_poll, settings.timing.live_ping
        self._note_every = settings.timing.unseen_before_notice / 4
        self._noted = 0.0
        self._rooms: dict[int, Room] = {}
        self._beats: deque[tuple[float, Line]] = deque()  # when each is pinged next
        self._selector = selectors.DefaultSelector()
        self._bell = _Bell(app.extensions["redis"])
        self._lock = threading.RLock()  # nothing waits while it is held
        self._most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] * 9 // 10  # each is a file
        self._runs = False

    # Coming and going

    def join(self, line: Line, seq: int) -> bool:
        """`line` has been told everything up to `seq` and hears from now on what happens; False
        where the others have been told more, and it has to catch up with them first."""
        with self._lock:
            room = self._rooms.setdefault(line.viewer.institution_id, Room(seq))
            if seq < room.seq:
                return False
            line.seq = seq
            line.never_wait()
            others = room.like(line)
            room.add(line)
            self._selector.register(line, selectors.EVENT_READ, line)
            self._beats.append((time.monotonic() + self._ping, line))
            self._say(line, packed({"name": "ready", "seq": seq}))
            if len(others) >= MOST_PER_PERSON:
                self._end(others[0], TOO_MANY)
        self._start()
        return True

    def knows(self, line: Line) -> bool:
        """Whether this person has another line of this kind."""
        room = self._rooms.get(line.viewer.institution_id)
        return room is not None and bool(room.like(line))

    def __len__(self) -> int:
        return len(self._selector.get_map())

    @property
    def is_full(self) -> bool:
        """One more, and pages and webhooks might find no file to open."""
        return len(self) >= self._most

    def _say(self, line: Line, frames: bytes) -> None:
        if not line.say(frames):
            self._end(line, TOO_SLOW)

    def _end(self, line: Line, code: int) -> None:
        """It hears no more, and is closed at its next beat if it has not hung up by then."""
        with self._lock:
            if not line.ending:
                self._leave(line)
                line.end(code)

    def _drop(self, line: Line) -> None:
        with self._lock:
            self._leave(line)
            if line.fileno() >= 0:
                self._selector.unregister(line)
                line.close()

    def _leave(self, line: Line) -> None:
        institution = line.viewer.institution_id
        if room := self._rooms.get(institution):
            room.remove(line)
            if room.is_empty:
                del self._rooms[institution]

    # The three threads

    def _start(self) -> None:
        if not self._runs:
            self._runs = True
            for step in (self._read, self._listen, self._keep):
                threading.Thread(target=self._forever, args=[step], daemon=True).start()

    def _forever(self, step: Callable[[], None]) -> None:
        """Whatever happens to one look, there is a next one: nobody would notice that it is
        missing."""
        while True:
            try:
                with self._app.app_context():
                    step()
            except Exception as error:
                known = isinstance(error, SQLAlchemyError | Unavailable)  # the database is away
                why = type(error).__name__
                log.warning("live_tries_again", step=step.__name__, error=why, exc_info=not known)
                time.sleep(min(1.0, self._poll))

    def _read(self) -> None:
        """New events of the institutions that rang; of all where nobody knows."""
        rung = self._bell.wait(self._poll)
        self._pass_on(self._bell.whispers())
        rooms = {i: r for i, r in list(self._rooms.items()) if rung is None or i in rung}
        if rung is None and rooms:
            newest = events.newest_of(rooms)
            rooms = {i: r for i, r in rooms.items() if newest[i] > r.seq}
        for institution, room in rooms.items():
            while batch := events.after(institution, room.seq):
                self._fan_out(room, batch)
                if len(batch) < events.BATCH:
                    break  # what is newer than this rings again
        db.session.rollback()

    def _pass_on(self, whispers: list[dict[str, Any]]) -> None:
        """What is told now or never: without a number, and not kept."""
        with self._lock:
            for told in whispers:
                if room := self._rooms.get(told["institution"]):
                    for line in room.hearing(told["audience"]):
                        self._say(line, packed(told["frame"]))

    def _fan_out(self, room: Room, batch: list[events.Numbered]) -> None:
        with self._lock:
            frames: dict[Line, list[bytes]] = defaultdict(list)
            for event in batch:
                frame = packed(event.frame)
                for line in room.hearing(event.audience):
                    if event.seq > line.seq:
                        frames[line].append(frame)
            for line, its in frames.items():
                self._say(line, b"".join(its))
            room.seq = batch[-1].seq

    def _listen(self) -> None:
        for key, _ in self._selector.select(min(1.0, self._ping / 4)):
            line: Line = key.data
            try:
                code = line.hear()
            except Exception as error:
                self._drop(line)  # first: nobody can send what stops the listener
                if not isinstance(error, OSError):
                    raise
            else:
                if code:
                    self._end(line, code)
        now = time.monotonic()
        while self._beats and self._beats[0][0] <= now:
            self._beat(self._beats.popleft()[1], now)

    def _beat(self, line: Line, now: float) -> None:
        """Every `live_ping` seconds: is it there, and how far was looked (I19)."""
        if line.ending:
            self._drop(line)
        if line.fileno() < 0:
            return
        seq = max(line.seq, self._rooms[line.viewer.institution_id].seq)
        if not line.ping(packed({"name": "seq", "seq": seq})):
            self._end(line, TOO_SLOW)
        self._beats.append((now + self._ping, line))

    def _keep(self) -> None:
        """I23: whose session, role or account is gone hears no more within `live_poll`, so look
        twice as often. And note who is here (S3-16)."""
        time.sleep(self._poll / 2)
        here = [line for room in list(self._rooms.values()) for line in room.lines()]
        for first in range(0, len(here), _AT_A_TIME):
            self._check(here[first : first + _AT_A_TIME])
            time.sleep(0)  # the others' turn
        if time.monotonic() - self._noted >= self._note_every:
            self._noted = time.monotonic()
            browsers = (line for line in here if line.credential.kind == "login")
            presence.note({line.viewer.staff_id for line in browsers if not line.ending})

    def _check(self, lines: list[Line]) -> None:
        granted = still_valid(line.credential for line in lines)
        with self._lock:
            for line in lines:
                rights = granted.get(line.credential, Rights())
                if not rights.capabilities & {*READERS}:
                    self._end(line, SESSION_ENDED)
                elif not line.ending:
                    self._set_rights(line, rights)

    def _set_rights(self, line: Line, rights: Rights) -> None:
        """Where a cover began or ended, or a unit moved, other conversations are theirs to see:
        look again."""
        before = line.viewer
        if rights == Rights(before.capabilities, before.covers, before.units):
            return
        room = self._rooms[before.institution_id]
        room.remove(line)
        line.viewer = replace(
            before, capabilities=rights.capabilities, covers=rights.covers, units=rights.units
        )
        room.add(line)
        if (rights.covers, rights.units) != (before.covers, before.units):
            seq = max(line.seq, room.seq)
            self._say(line, packed({"name": "resync", "seq": seq}))


class _Bell:
    """Redis's bell, which may be away at any time: then every wait is a full one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._subscription: Any = None
        self._heard = 0.0
        self._whispers: list[dict[str, Any]] = []

    def whispers(self) -> list[dict[str, Any]]:
        """What was whispered since the last look."""
        found, self._whispers = self._whispers, []
        return found

    def wait(self, seconds: float) -> set[int] | None:
        """Until it rings, `seconds` at most. The institutions that rang; None = look at all."""
        try:
            if self._subscription is None:
                self._subscribe()
                return None  # what rang before was not heard
            rung: set[int] = set()
            while message := self._subscription.get_message(timeout=0 if rung else seconds):
                match json.loads(message["data"]):
                    case int() as institution:
                        rung.add(institution)
                    case told:
                        self._whispers.append(told)
                        break  # it is not kept waiting for a bell
        except (RedisError, OSError, ValueError):
            self._subscription = None
            time.sleep(min(seconds, 1.0))
            return None
        if rung or self._whispers:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > _DEAF:
            self._subscription = None
        return rung if rung or self._whispers else None

    def _subscribe(self) -> None:
        subscription = self._redis.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=True
        )
        subscription.subscribe(jobs.BELL)
        self._subscription, self._heard = subscription, time.monotonic()
