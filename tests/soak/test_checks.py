"""The checks of the soak: each of the six finds what it is for, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.soak.evidence import Evidence
from tests.soak.report import MUST_BE_ZERO

START = datetime(2026, 11, 20, 12, tzinfo=UTC)
MAYA, HER_OTHER, OURS = "+15125550147", "+15125550148", "+15125550190"
STORED = {"institution_id": 1, "kind": "conversation", "channel": "sms", "error_code": None}
STORED |= {"resend_of": None, "email": None, "email_header": None, "created_at": START}


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


class Told:
    """A good day: message 1 was asked for, went through these steps, and a browser saw them; then
    Maya said STOP."""

    def __init__(self, *steps: str) -> None:
        steps = steps or ("queued", "delivered")
        self.rows: dict[str, list[dict[str, Any]]] = {
            "schools": [{"id": 1, "limit": 1, "timezone": "America/Chicago", "used": 1}],
            "people": [{"school": 1, "numbers": [MAYA, HER_OTHER]}],
            "sends": [{"token": "#1-1", "status": 201, "message": 1, "channel": "sms"}],
            "messages": [
                self.message(1, "#1-1"),
                self.message(2, "STOP", direction="inbound", provider_sid="SM2", status="received"),
            ],
            "attempts": [{"id": 1, "uuid": "a1", "message": 1}],
            "ledger": [self.entry("a1", 0)],
            "texts": [self.typed("SM2", "STOP", 10, answered=11)],
            "feeds": [],
            "frames": [],
        }
        shown = [(1, status) for status in steps] + [(2, "received")]
        for seq, (message, status) in enumerate(shown, 4):
            event = {"seq": seq, "name": "x", "ids": {"message": message}, "status": status}
            self.rows["feeds"].append({"member": 5, **event})
            self.rows["frames"].append({"browser": "b", "frame": event})
        end = len(shown) + 4
        self.rows["frames"].append({"browser": "b", "frame": {"name": "seq", "seq": end}})
        self.rows["browsers"] = [{"name": "b", "member": 5, "since": 3, "until": end}]

    def message(self, id: int, body: str, **more: Any) -> dict[str, Any]:
        sent = {"direction": "outbound", "status": "delivered", "provider_sid": f"SM{id}"}
        return {"id": id, "body": body, **STORED, **sent, **more}

    def entry(self, attempt: str, seconds: float, **more: Any) -> dict[str, Any]:
        way = {"to": MAYA, "body": "#1-1", "status_callback": f"http://x/status/{attempt}"}
        known = {"sid": "SM1", "at": at(seconds), "status": "delivered", "error_code": None}
        return {**way, **known, **more}

    def typed(self, sid: str, body: str, seconds: float, answered: float) -> dict[str, Any]:
        answers = [{"status": 200, "at": at(answered)}]
        way = {"from": MAYA, "to": OURS, "body": body}
        return {"sid": sid, **way, "typed_at": at(seconds), "webhooks": answers}

    def changes(self, kind: str, row: int = 0, **values: Any) -> "Told":
        self.rows[kind][row] = {**self.rows[kind][row], **values}
        return self

    def adds(self, kind: str, *rows: dict[str, Any]) -> "Told":
        self.rows.setdefault(kind, []).extend(rows)
        return self

    def without(self, kind: str, row: int = 0) -> "Told":
        del self.rows[kind][row]
        return self

    def counts(self) -> dict[str, int]:
        evidence = Evidence()
        for kind, rows in self.rows.items():
            for row in rows:
                evidence.note(kind, **row)
        found = {name: len(list(look(evidence))) for name, look in MUST_BE_ZERO.items()}
        return {name: count for name, count in found.items() if count}


def again(seconds: float, **more: Any) -> Told:
    """A second attempt of message 1 was accepted, so much later."""
    told = Told()
    second = told.entry("a2", seconds, sid="SM3", **more)
    return told.adds("attempts", {"id": 2, "uuid": "a2", "message": 1}).adds("ledger", second)


def mail(header: str) -> dict[str, Any]:
    return {"message_id": header, "text": "#1-1\n\nDana"}


UNREACHABLE: dict[str, Any] = {"status": "undelivered", "error_code": 30003}

GOOD = {
    "nothing": Told(),
    "tried again after 30003": again(1).changes("ledger", **UNREACHABLE),
    "emailed after 30003": Told("queued", "undelivered")
    .changes("ledger", **UNREACHABLE)
    .changes("messages", status="undelivered", error_code="30003", email="sent", email_header="<1>")
    .adds("mails", mail("<1>"), mail("<1>")),
    "queued again after 30003": Told("queued", "sent", "queued", "delivered").changes(
        "ledger", **UNREACHABLE
    ),
    "queued again, proven absent": Told("queued", "unconfirmed", "queued", "delivered"),
    "accepted before the STOP was answered": again(10.5).changes("ledger", **UNREACHABLE),
    "accepted after a START": again(13)
    .changes("ledger", **UNREACHABLE)
    .adds("texts", Told().typed("SM4", "START", 12, answered=14))
    .adds("messages", Told().message(4, "START", direction="inbound", status="received"))
    .adds("feeds", {"member": 5, "seq": 8, "ids": {"message": 4}, "status": "received"}),
    "loaded anew": Told()
    .without("frames", 1)
    .changes("frames", 1, frame={"name": "resync", "seq": 6}),
}

BAD = {
    "not stored": ("lost", Told().adds("sends", {"token": "#1-2", "status": 201, "message": 9})),
    "not in the ledger": ("lost", Told().without("ledger").changes("schools", used=0)),
    "an inbound text": ("lost", Told().adds("texts", Told().typed("SM9", "Hi", 1, answered=2))),
    "accepted twice": ("doubled", again(1)),
    "one attempt accepted twice": ("doubled", Told().adds("ledger", Told().entry("a1", 1))),
    "an attempt of nobody": ("doubled", Told().adds("ledger", Told().entry("a9", 1))),
    "a text and an email": ("doubled", Told().adds("mails", mail("<1>"))),
    "after the STOP": ("after STOP", again(12).changes("ledger", **UNREACHABLE)),
    "after the STOP, to the other phone": (
        "after STOP",
        again(12, to=HER_OTHER).changes("ledger", **UNREACHABLE),
    ),
    "more than allowed": ("over limit", Told().changes("schools", limit=0)),
    "a place too few": ("over limit", Told().changes("schools", used=0)),
    "queued again for nothing": ("back-steps", Told("queued", "sent", "queued", "delivered")),
    "a delivery taken back": ("back-steps", Told("queued", "delivered", "sent", "delivered")),
    "an event": ("missed events", Told().without("frames", 0)),
    "an event twice": ("missed events", Told().adds("frames", Told().rows["frames"][2])),
    "the end": ("missed events", Told().without("frames", 3)),
}


@pytest.mark.parametrize("told", GOOD.values(), ids=GOOD)
def test_what_may_be(told: Told) -> None:
    assert told.counts() == {}


@pytest.mark.parametrize(("name", "told"), BAD.values(), ids=BAD)
def test_what_must_not_be(name: str, told: Told) -> None:
    assert told.counts() == {name: 1}
