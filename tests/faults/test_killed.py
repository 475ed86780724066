"""Killed: a process dies between two effects, and the text is there once all the same."""

import uuid

import httpx
import pytest

from tests.helpers import until
from tests.school import Member, School, Someone

POINTS = {
    "F1": "sending.written",
    "F2": "sending.rung",
    "F3": "sending.committed",
    "F6": "delivery.claimed",
    "F27": "delivery.called",
    "F28": "delivery.stamped",
    "F9": "delivery.recorded",
}


def patiently(dana: Member, person: Someone, key: str) -> int:
    """As a browser does it: again with the same key until there is an answer."""

    def sent() -> int:
        try:
            answer = dana.api.post(
                "/messages",
                json={"person_id": person.id, "body": "Hello"},
                headers={"Idempotency-Key": key},
            )
        except httpx.TransportError:
            return 0
        return int(answer.json()["id"]) if answer.status_code == 201 else 0

    return until(sent)


@pytest.mark.parametrize("point", [pytest.param(p, id=f"{f}-{p}") for f, p in POINTS.items()])
def test_a_text_is_there_once_wherever_its_process_died(stack, school: School, point):
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    stack.kill_at(point)
    message = patiently(dana, maya, str(uuid.uuid4()))
    until(lambda: stack.was_killed_at(point))
    until(lambda: dana.message(message)["status"] == "delivered")
    assert [text["to"] for text in school.ledger()] == maya.numbers
    assert [m["id"] for m in dana.said_to(maya)] == [message]
    assert school.usage()["messages"]["used"] == 1
