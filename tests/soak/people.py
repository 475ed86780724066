"""People: the staff who write, and those who answer, say STOP and START on their phones."""

import itertools
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
import requests

from app.carrier.client import CarrierClient
from tests.school import Member, Someone, at_once
from tests.soak.actor import Actor, Run
from tests.soak.scene import Campus

PATIENCE = 120.0  # seconds that somebody tries to get an answer at all
HASTE = 0.02  # seconds after which somebody in a hurry believes that the connection is lost
_AGAIN = {"conflict", "busy"}  # the code of a 409: the key is in use, or too many are sending

_numbers = itertools.count(1)


class Writer(Actor):
    """A member of staff. Repeats what got no answer under the same Idempotency-Key (I8)."""

    pause = (0.1, 1.2)

    def __init__(self, run: Run, campus: Campus, member: Member) -> None:
        super().__init__(run, f"writer {member.id}")
        self._campus, self._member, self._number = campus, member, next(_numbers)
        self._counter = itertools.count(1)

    def step(self) -> None:
        self.choose(
            (6, self._write),
            (3, self._reply),
            (1, self._write_in_a_hurry),
            (1, self._press_twice),
            (1, self._write_and_take_back),
            (1, self._text_or_nothing),
        )

    def _body(self) -> str:
        return f"See you at {self.dice.randint(8, 17)}? #{self._number}-{next(self._counter)}"

    def _to_somebody(self, **more: Any) -> dict[str, Any]:
        person = self.dice.choice(self._campus.people)
        return {"person_id": person.id, "body": self._body(), **more}

    def _write(self) -> None:
        self._ask("/messages", self._to_somebody())

    def _text_or_nothing(self) -> None:
        self._ask("/messages", self._to_somebody(channel="sms"))

    def _write_in_a_hurry(self) -> None:
        self._ask("/messages", self._to_somebody(), first_wait=HASTE)

    def _press_twice(self) -> None:
        asked, key = self._to_somebody(), str(uuid.uuid4())
        at_once(*[lambda: self._ask("/messages", asked, key)] * 2)

    def _write_and_take_back(self) -> None:
        sent = self._ask("/messages", self._to_somebody())
        if sent and sent.status_code == 201:
            self._until_answered(f"/messages/{sent.json()['id']}/cancel", {}, str(uuid.uuid4()))

    def _reply(self) -> None:
        try:
            threads = self._member.conversations(limit=10)
        except (httpx.TransportError, KeyError):  # no answer, or none that lists any
            return
        if threads:
            thread = self.dice.choice(threads)
            self._ask(f"/conversations/{thread['id']}/messages", {"body": self._body()})

    def _ask(
        self, path: str, asked: dict[str, Any], key: str = "", first_wait: float = 30
    ) -> httpx.Response | None:
        began = time.monotonic()
        answer = self._until_answered(path, asked, key or str(uuid.uuid4()), first_wait)
        said = answer.json() if answer is not None else {}
        self.of.evidence.note(
            "sends",
            token=asked["body"].split()[-1],
            school=self._campus.school.id,
            status=answer.status_code if answer is not None else None,
            message=said.get("id"),
            channel=said.get("channel"),
            reason=said.get("reason") or said.get("error", {}).get("code"),
            seconds=round(time.monotonic() - began, 3),
        )
        return answer

    def _until_answered(
        self, path: str, asked: dict[str, Any], key: str, wait: float = 30
    ) -> httpx.Response | None:
        """As programs do it: again, with the same key, until there is an answer that counts."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                answer = self._member.api.post(
                    path, json=asked, headers={"Idempotency-Key": key}, timeout=wait
                )
            except httpx.TransportError:
                answer, wait = None, 30
            if answer is not None and not _counts_not(answer):
                assert answer.status_code in (201, 409), f"{path}: {answer.text}"
                return answer
            time.sleep(0.3)
        return None


def _counts_not(answer: httpx.Response) -> bool:
    if answer.status_code == 409:
        return answer.json()["error"]["code"] in _AGAIN
    return answer.status_code >= 500


class Phones(Actor):
    """Some people with their phones. Each does one thing after the other, so that it is known what
    was said last."""

    pause = (0.1, 0.8)

    def __init__(self, run: Run, campus: Campus, people: Sequence[Someone]) -> None:
        self._number = next(_numbers)
        super().__init__(run, f"phones {self._number}")
        self._campus, self._people = campus, people
        self._carrier = CarrierClient(run.stack.carrier.base_url)
        self._counter = itertools.count(1)
        self._stopped: set[str] = set()

    def step(self) -> None:
        number = self.dice.choice(self.dice.choice(self._people).numbers)
        if number in self._stopped and self.dice.random() < 0.5:
            word = self.dice.choice(["START", "Start", "unstop"])
            self._stopped.discard(number)
        elif self.dice.random() < 0.15:
            word = self.dice.choice(["STOP", "stop.", "Unsubscribe", "STOP ALL"])
            self._stopped.add(number)
        elif self.dice.random() < 0.1:
            word = self.dice.choice(["HELP", "please stop texting me"])
        else:
            word = f"I will be there #{self._number}-{next(self._counter)}"
        self._type(number, word)

    def _type(self, number: str, word: str) -> None:
        """To whoever wrote last, or to any number of the school."""
        heard = [t["other"] for t in self._carrier.shown(number) if t["direction"] == "in"]
        to = heard[-1] if heard else self.dice.choice(self._campus.numbers)
        typed_at = datetime.now(UTC)
        try:
            said = self._carrier.text(number, to, word, repeat=self.dice.choice([1, 1, 1, 3]))
        except requests.HTTPError as error:
            if error.response.status_code == 409:  # this phone is switched off
                return
            raise
        self.of.evidence.note(
            "texts",
            sid=said["sid"],
            **{"from": number, "to": to, "body": word, "typed_at": typed_at.isoformat()},
            webhooks=said["webhooks"],
        )
