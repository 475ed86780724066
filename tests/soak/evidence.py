"""Evidence: what a soak has seen, row by row. The checker reads nothing else.

schools   id, account_sid, limit, timezone, used
people    school, numbers: all of one person's
sends     what staff asked for: token, status, message, channel (of the answer)
texts     what was typed on a phone: sid, from, to, body, typed_at, webhooks: [{status, at}]
troubles  what the demon and the weather did: what, detail
frames    what a browser heard: browser, connection, frame
browsers  name, member, since, until: the bookmarks it began and had to end with
feeds     the events of a member by API: member, seq, name, ids, status
ledger, mails             of the carrier and the mailbox, as their APIs tell it
messages, attempts        of our database
"""

import json
import re
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

Row = dict[str, Any]
Findings = Iterator[str]
TOKEN = re.compile(r"#\d+-\d+")  # in the body of every text, so that all sides name it alike


class Evidence:
    """Rows by kind, in the order they came; in `folder` one file for each kind, a row a line."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._files: dict[str, TextIO] = {}
        self._lock = threading.Lock()

    def __getitem__(self, kind: str) -> list[Row]:
        return self._rows[kind]

    def note(self, kind: str, /, **row: Any) -> None:
        with self._lock:
            self._rows[kind].append(row)
            if self._folder:
                if kind not in self._files:
                    self._files[kind] = (self._folder / f"{kind}.jsonl").open("w")
                self._files[kind].write(json.dumps(row, default=str) + "\n")

    def close(self) -> None:
        with self._lock:
            for file in self._files.values():
                file.close()


def by_token(rows: list[Row], field: str) -> dict[str, list[Row]]:
    """The rows that name a token there."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        for token in set(TOKEN.findall(row[field] or "")):
            found[token].append(row)
    return found


def attempt_of(entry: Row) -> str:
    """The uuid of our attempt, out of the address that its reports go to."""
    return str(entry["status_callback"]).rpartition("/")[2]


def accepted(evidence: Evidence) -> dict[int, list[Row]]:
    """What the carrier accepted, by our message, in the order of our attempts."""
    entries = {attempt_of(entry): entry for entry in evidence["ledger"]}
    found: dict[int, list[Row]] = defaultdict(list)
    for attempt in evidence["attempts"]:
        if attempt["uuid"] in entries:
            found[attempt["message"]].append(entries[attempt["uuid"]])
    return found
