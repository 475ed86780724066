"""Store: what the carrier remembers, in one SQLite file.

One connection behind one lock: its statements take microseconds and never wait, so both the
greenlets and the SMTP thread may use it. Durability is given up on purpose (synchronous OFF): this
is the other side, and it survives the end of its process, which is all it promises.
"""

import json
import sqlite3
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    sid TEXT PRIMARY KEY, token TEXT NOT NULL, opt_out_handling INTEGER NOT NULL DEFAULT 1,
    latency_ms REAL NOT NULL DEFAULT 0, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS number (
    e164 TEXT PRIMARY KEY, sid TEXT NOT NULL UNIQUE, account_sid TEXT NOT NULL,
    settings TEXT NOT NULL, created REAL NOT NULL, updated REAL NOT NULL);
CREATE TABLE IF NOT EXISTS handset (
    id INTEGER PRIMARY KEY, number TEXT NOT NULL UNIQUE, name TEXT NOT NULL DEFAULT '',
    behaviour TEXT NOT NULL DEFAULT 'delivered', code INTEGER, seconds REAL NOT NULL DEFAULT 5,
    switched_on INTEGER NOT NULL DEFAULT 1);
CREATE TABLE IF NOT EXISTS blocked (
    handset TEXT NOT NULL, number TEXT NOT NULL, PRIMARY KEY (handset, number)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS text (
    id INTEGER PRIMARY KEY, sid TEXT NOT NULL UNIQUE, account_sid TEXT NOT NULL,
    direction TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL,
    segments INTEGER NOT NULL, media TEXT NOT NULL, status TEXT NOT NULL, error_code INTEGER,
    status_callback TEXT, created REAL NOT NULL, updated REAL NOT NULL, sent REAL, shown REAL,
    webhook_status INTEGER, webhook_ms REAL);
CREATE INDEX IF NOT EXISTS text_sender ON text (sender, id);
CREATE INDEX IF NOT EXISTS text_recipient ON text (recipient, id);
CREATE TABLE IF NOT EXISTS created (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, account_sid TEXT NOT NULL, sender TEXT NOT NULL,
    recipient TEXT NOT NULL, body TEXT NOT NULL, status_callback TEXT, sid TEXT,
    fault TEXT, answer INTEGER, code INTEGER);
CREATE TABLE IF NOT EXISTS mail (
    id INTEGER PRIMARY KEY, at REAL NOT NULL, recipients TEXT NOT NULL, source BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS refusal (recipient TEXT PRIMARY KEY, code INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS suspended (account_sid TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS registered (
    sid TEXT PRIMARY KEY, account_sid TEXT NOT NULL, path TEXT NOT NULL, fields TEXT NOT NULL,
    created REAL NOT NULL, updated REAL NOT NULL);
"""

# A report moves a text only from an earlier of these to a later one.
_RANK = {
    "queued": 1, "sending": 2, "sent": 3,
    "delivered": 4, "undelivered": 4, "failed": 4, "canceled": 4,
}  # fmt: skip
FINAL = {status for status, rank in _RANK.items() if rank == 4}


@dataclass(frozen=True, slots=True)
class Account:
    sid: str
    token: str
    opt_out_handling: bool
    latency_ms: float
    created: float  # every time here is in seconds since 1970


@dataclass(frozen=True, slots=True)
class Number:
    """A number that an account owns; `settings` are Twilio's, by their JSON names."""

    e164: str
    sid: str
    account_sid: str
    settings: dict[str, str]
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Handset:
    id: int
    number: str
    name: str
    behaviour: str
    code: int | None
    seconds: float
    switched_on: bool


@dataclass(frozen=True, slots=True)
class Text:
    """One text, either way. `direction` is Twilio's, or "automatic": an answer of the carrier."""

    id: int
    sid: str
    account_sid: str
    direction: str
    sender: str
    recipient: str
    body: str
    segments: int
    media: list[list[str]]  # inbound: [sid, content type]; outbound: [sid, address]
    status: str
    error_code: int | None
    status_callback: str | None
    created: float
    updated: float
    sent: float | None
    shown: float | None  # when it appeared on the handset
    webhook_status: int | None
    webhook_ms: float | None

    @property
    def inbound(self) -> bool:
        return self.direction == "inbound"

    @property
    def handset(self) -> str:
        return self.sender if self.inbound else self.recipient

    @property
    def other(self) -> str:
        """The number at the account's end."""
        return self.recipient if self.inbound else self.sender


@dataclass(frozen=True, slots=True)
class Registered:
    """A resource of Twilio's newer API: a service, a campaign, ... `path`: its own address;
    `fields`: Twilio's, by their JSON names."""

    sid: str
    account_sid: str
    path: str
    fields: dict[str, Any]
    created: float
    updated: float


@dataclass(frozen=True, slots=True)
class Create:
    """One request to create a text, taken or not."""

    id: int
    at: float  # when it came in
    account_sid: str
    sender: str
    recipient: str
    body: str
    status_callback: str | None
    sid: str | None  # None: no text came of it
    fault: str | None  # the kind that it met
    answer: int | None  # HTTP status; None: none yet, or never
    code: int | None  # Twilio's, of a refusal


def new_sid(prefix: str) -> str:
    return prefix + uuid.uuid4().hex


class Store:
    """The tables above, by the questions that are asked of them."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF;" + _SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def rows(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, *values: Any) -> int:
        """Run one statement; how many rows it changed."""
        with self._lock:
            return self._db.execute(sql, values).rowcount

    # accounts and their numbers

    def account(self, sid: str) -> Account | None:
        rows = self.rows("SELECT * FROM account WHERE sid = ?", sid)
        return Account(*rows[0]) if rows else None

    def save_account(self, sid: str, token: str, opt_out_handling: bool, latency_ms: float) -> None:
        self.write(
            "INSERT INTO account VALUES (?, ?, ?, ?, ?) ON CONFLICT (sid) DO UPDATE SET"
            " token = excluded.token, opt_out_handling = excluded.opt_out_handling,"
            " latency_ms = excluded.latency_ms",
            *(sid, token, opt_out_handling, latency_ms, time.time()),
        )

    def accounts(self, limit: int) -> list[str]:
        """Their sids, newest first."""
        sql = "SELECT sid FROM account ORDER BY created DESC, sid LIMIT ?"
        return [sid for (sid,) in self.rows(sql, limit)]

    def suspended(self, sid: str) -> bool:
        return bool(self.rows("SELECT 1 FROM suspended WHERE account_sid = ?", sid))

    def suspend(self, sid: str, suspended: bool) -> None:
        how = "INSERT OR IGNORE INTO suspended VALUES (?)"
        self.write(how if suspended else "DELETE FROM suspended WHERE account_sid = ?", sid)

    # services, campaigns and what else is registered

    def registered(self, account_sid: str, under: str) -> list[Registered]:
        """Those whose address is one name below this one, oldest first."""
        rows = self.rows(
            "SELECT * FROM registered WHERE account_sid = ? AND path = ? || '/' || sid"
            " ORDER BY created, sid",
            *(account_sid, under),
        )
        return [Registered(*[*row[:3], json.loads(row[3]), *row[4:]]) for row in rows]

    def register(self, sid: str, account_sid: str, under: str, fields: dict[str, Any]) -> None:
        """Make it, or change the given fields."""
        now = time.time()
        self.write(
            "INSERT INTO registered VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (sid) DO UPDATE SET"
            " fields = json_patch(fields, excluded.fields), updated = excluded.updated",
            *(sid, account_sid, f"{under}/{sid}", json.dumps(fields), now, now),
        )

    def forget_registered(self, account_sid: str) -> None:
        self.write("DELETE FROM registered WHERE account_sid = ?", account_sid)

    def taken_by_service(self, number: Number) -> dict[str, str] | None:
        """The addresses of the service that takes what comes to this number, by the names that a
        number has for them; None where the number's own count."""
        for service in self.registered(number.account_sid, "/v1/Services"):
            fields = service.fields
            members = self.registered(number.account_sid, f"{service.path}/PhoneNumbers")
            is_in = number.sid in {member.sid for member in members}
            if is_in and not fields["use_inbound_webhook_on_number"]:
                urls = fields["inbound_request_url"], fields["fallback_url"]
                return {"sms_url": urls[0] or "", "sms_fallback_url": urls[1] or ""}
        return None

    def number(self, e164: str) -> Number | None:
        return next(iter(self.numbers("e164 = ?", e164)), None)

    def numbers(self, where: str = "TRUE", *values: Any) -> list[Number]:
        """Oldest first."""
        rows = self.rows(f"SELECT * FROM number WHERE {where} ORDER BY created, e164", *values)  # noqa: S608
        return [Number(*[*row[:3], json.loads(row[3]), *row[4:]]) for row in rows]

    def save_number(self, e164: str, account_sid: str) -> None:
        """Give the number to the account; its sid and settings stay when it was there before."""
        now = time.time()
        self.write(
            "INSERT INTO number VALUES (?, ?, ?, '{}', ?, ?)"
            " ON CONFLICT (e164) DO UPDATE SET account_sid = excluded.account_sid",
            *(e164, new_sid("PN"), account_sid, now, now),
        )

    def set_number(self, sid: str, settings: dict[str, str]) -> None:
        self.write(
            "UPDATE number SET settings = json_patch(settings, ?), updated = ? WHERE sid = ?",
            *(json.dumps(settings), time.time(), sid),
        )

    # handsets

    def handset(self, number: str) -> Handset | None:
        rows = self.rows("SELECT * FROM handset WHERE number = ?", number)
        return _handset(rows[0]) if rows else None

    def add_handset(self, number: str) -> Handset:
        """The handset of `number`, bought in this moment where there was none."""
        found = self.handset(number)
        if found is None:
            self.write("INSERT OR IGNORE INTO handset (number) VALUES (?)", number)
            found = self.handset(number)
        assert found is not None
        return found

    def set_handset(self, number: str, **changes: Any) -> None:
        columns = ", ".join(f"{name} = ?" for name in changes)
        sql = f"UPDATE handset SET {columns} WHERE number = ?"  # noqa: S608
        self.write(sql, *changes.values(), number)

    def handsets(self) -> list[Handset]:
        return [_handset(row) for row in self.rows("SELECT * FROM handset ORDER BY id")]

    # the opt-out list

    def blocked(self, handset: str, number: str) -> bool:
        sql = "SELECT 1 FROM blocked WHERE handset = ? AND number = ?"
        return bool(self.rows(sql, handset, number))

    def block(self, handset: str, number: str) -> bool:
        """Whether that changed anything; so for `unblock`."""
        return self.write("INSERT OR IGNORE INTO blocked VALUES (?, ?)", handset, number) > 0

    def unblock(self, handset: str, number: str) -> bool:
        sql = "DELETE FROM blocked WHERE handset = ? AND number = ?"
        return self.write(sql, handset, number) > 0

    # texts

    def add_text(self, text: Text) -> None:
        self.write(
            "INSERT INTO text VALUES (NULL" + ", ?" * 17 + ")",
            *(text.sid, text.account_sid, text.direction, text.sender, text.recipient, text.body),
            *(text.segments, json.dumps(text.media) if text.media else "[]", text.status),
            *(text.error_code, text.status_callback, text.created, text.updated, text.sent),
            *(text.shown, text.webhook_status, text.webhook_ms),
        )

    def text(self, sid: str) -> Text | None:
        return next(iter(self.texts("sid = ?", sid)), None)

    def texts(self, where: str, *values: Any, order: str = "id", limit: int = -1) -> list[Text]:
        sql = f"SELECT * FROM text WHERE {where} ORDER BY {order} LIMIT ?"  # noqa: S608
        return [_text(row) for row in self.rows(sql, *values, limit)]

    def shown(self, handset: str, latest: int = -1) -> list[Text]:
        """What the handset shows, oldest first; with `latest` only so many, the newest."""
        where = "(sender = ? OR recipient = ?) AND shown IS NOT NULL"
        found = self.texts(where, handset, handset, order="shown DESC, id DESC", limit=latest)
        return found[::-1]

    def waiting(self, handset: str) -> list[Text]:
        """What the carrier still holds for the handset, oldest first."""
        return self.texts("recipient = ? AND status = 'sent'", handset)

    def save_create(self, create_id: int | None, *columns: Any) -> int:
        """Note a request to create a text; again, with its id, when more is known of it."""
        sql = "INSERT OR REPLACE INTO created VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        with self._lock:
            return self._db.execute(sql, (create_id, *columns)).lastrowid or 0

    def creates(self, where: str, *values: Any) -> list[Create]:
        """Oldest first."""
        rows = self.rows(f"SELECT * FROM created WHERE {where} ORDER BY at, id", *values)  # noqa: S608
        return [Create(*row) for row in rows]

    def advance(self, sid: str, status: str, error_code: int | None = None) -> bool:
        """Move a text up to `status`; False when it is that far, or further, already."""
        now = time.time()
        below = [name for name, rank in _RANK.items() if rank < _RANK[status]]
        changed = self.write(
            "UPDATE text SET status = ?, error_code = ?, updated = ?, sent = COALESCE(sent, ?),"
            " shown = ? WHERE sid = ? AND status IN (SELECT value FROM json_each(?))",
            *(status, error_code, now, now if status != "canceled" else None),
            *(now if status == "delivered" else None, sid, json.dumps(below)),
        )
        return changed > 0


def _handset(row: Any) -> Handset:
    return Handset(*[*row[:6], bool(row[6])])


def _text(row: Any) -> Text:
    return Text(*[*row[:8], json.loads(row[8]), *row[9:]])
