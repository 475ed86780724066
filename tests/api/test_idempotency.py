"""Repeating a request under its Idempotency-Key: one effect and one answer, for every POST."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import time_machine
from sqlalchemy import select

from app import clock
from app.api.endpoints import OPERATIONS
from app.database import db
from app.models import Idempotency
from app.services import idempotency
from tests.api.conftest import held_back
from tests.helpers import until
from tests.provider import row_counts
from tests.school import PASSWORD, Member, School, at_once, new_number

Request = tuple[str, dict[str, Any] | None]
# What a request may add to; workers write elsewhere meanwhile.
TABLES = ("person", "person_phone", "contact_number", "consent_entry", "message", "conversation")
TABLES += ("sender_number", "assignment", "staff", "role", "api_token", "marker", "audit_entry")
TABLES += ("import_run", "idempotency")
FILES = ("worker", "--queue", "files")


def person(_: School) -> Request:
    return "/people", {"given_name": "Pat", "phones": [{"number": new_number()}]}


def merge(school: School) -> Request:
    kept, other = school.person("mobile"), school.person("home")
    return f"/people/{kept.id}/merge", {"other": other.id}


def undo(school: School) -> Request:
    path, body = merge(school)
    return f"/merges/{school.admin().api.post(path, json=body).json()['id']}/undo", None


def phone(school: School) -> Request:
    return f"/people/{school.person().id}/phones", {"number": new_number()}


def consent(school: School) -> Request:
    body = {"status": "disabled", "reason": "asked for it"}
    return f"/phones/{school.person('mobile').phone_ids[0]}/consent", body


def message(school: School) -> Request:
    return "/messages", {"person_id": school.person("mobile").id, "body": "Hello"}


def _text(school: School) -> dict[str, Any]:
    return school.admin().send(school.person("mobile"))


def reply(school: School) -> Request:
    return f"/conversations/{_text(school)['conversation_id']}/messages", {"body": "And one more"}


def cancel(school: School) -> Request:
    return f"/messages/{_text(school)['id']}/cancel", None


def resend(school: School) -> Request:
    failing = school.person("mobile")
    school.carrier.handset(failing.numbers[0], behaviour="undelivered", code=30008)
    with held_back(school, False):
        sent = school.admin().send(failing)
        school.admin().settled(sent["id"], "undelivered")
    return f"/messages/{sent['id']}/resend", None


def number(school: School) -> Request:
    found = new_number()
    school.carrier.number(school.account_sid, found)
    return "/numbers", {"number": found}


def assign(school: School) -> Request:
    school.pool(1)
    number_id = school.admin().api.get("/numbers").json()["items"][0]["id"]
    return f"/numbers/{number_id}/assign", {
        "staff_id": school.member().id,
        "conversations": "keep",
    }


def staff(_: School) -> Request:
    email = f"{secrets.token_hex(4)}@northfield.example"
    return "/staff", {"email": email, "name": "X", "roles": ["Advisor"], "password": PASSWORD}


def role(_: School) -> Request:
    return "/roles", {"name": secrets.token_hex(4), "capabilities": ["text.reply"]}


def token(_: School) -> Request:
    return "/tokens", {"name": "reports", "scopes": ["reports.read"]}


def standard_text(_: School) -> Request:
    return "/standard-texts", {"title": secrets.token_hex(4), "body": "Hi {first_name}"}


def import_(_: School) -> Request:
    return "/imports", {"files": [{"text": "ID,First name\nN1,Ngân\n"}], "dry_run": True}


def _imported(school: School, state: str, **choice: Any) -> str:
    people = "".join(f"{secrets.token_hex(4)},Ngân\n" for _ in range(3))
    asked = {"files": [{"text": f"ID,First name\n{people}"}], **choice}
    path = f"/imports/{school.admin().api.post('/imports', json=asked).json()['id']}"
    until(lambda: school.admin().api.get(path).json()["state"] == state)
    return path


def start(school: School) -> Request:
    return f"{_imported(school, 'done', dry_run=True)}/start", {"dry_run": True}


def removal(school: School) -> Request:
    _imported(school, "done")
    return f"{_imported(school, 'asking', remove_missing=True)}/removal", {"remove": False}


def stop(school: School) -> Request:
    """Of one that nobody works at, which is so while the worker sleeps."""
    path, body = import_(school)
    return f"/imports/{school.admin().api.post(path, json=body).json()['id']}/stop", None


REQUESTS: dict[str, Callable[[School], Request]] = {
    "POST /people": person,
    "POST /people/<id:person_id>/merge": merge,
    "POST /merges/<id:merge_id>/undo": undo,
    "POST /people/<id:person_id>/phones": phone,
    "POST /phones/<id:phone_id>/consent": consent,
    "POST /messages": message,
    "POST /messages/<id:message_id>/cancel": cancel,
    "POST /messages/<id:message_id>/resend": resend,
    "POST /conversations/<id:conversation_id>/messages": reply,
    "POST /numbers": number,
    "POST /numbers/<id:number_id>/assign": assign,
    "POST /staff": staff,
    "POST /roles": role,
    "POST /tokens": token,
    "POST /standard-texts": standard_text,
    "POST /imports": import_,
    "POST /imports/<id:import_id>/start": start,
    "POST /imports/<id:import_id>/removal": removal,
    "POST /imports/<id:import_id>/stop": stop,
}


def ask(member: Member, request: Request, key: str) -> httpx.Response:
    path, body = request
    return member.api.post(path, json=body, headers={"Idempotency-Key": key})


def counted(school: School) -> dict[str, int]:
    return {table: count for table, count in row_counts(school).items() if table in TABLES}


def told(answer: httpx.Response) -> Any:
    """What is the same each time: all but the secret of a token."""
    assert answer.status_code in (200, 201), answer.text
    return answer.status_code, {k: v for k, v in answer.json().items() if k != "token"}


def test_every_post_has_a_line():
    assert {f"POST {o.rule}" for o in OPERATIONS if o.method == "POST"} == set(REQUESTS)


def test_a_repeated_request_has_one_effect_and_one_answer(stack, school):
    """A13, A14, I8: one after the other, and all at once"""
    school.pool(1)
    admin = school.admin()
    sent = admin.send(school.person("mobile"))["id"]  # it comes with a number
    admin.settled(sent, "delivered")  # and no claim of it sets the pace anew
    with held_back(school):
        for operation, make in REQUESTS.items():
            asked = [] if make is stop else [make(school), make(school)]
            with stack.asleep(stack.pid(*FILES)):
                asked = asked or [make(school), make(school)]
                has_one_effect(school, operation, *asked)


def has_one_effect(school, operation, once, at_the_same_time):
    admin = school.admin()
    before = counted(school)
    first = ask(admin, once, f"1 {operation}")
    after = counted(school)
    assert before["idempotency"] + 1 == after["idempotency"], operation
    assert told(ask(admin, once, f"1 {operation}")) == told(first), operation
    other = ask(admin, person(school), f"1 {operation}")
    assert other.status_code == 409, operation
    assert other.json()["error"]["code"] == "idempotency_mismatch"
    assert counted(school) == after, operation
    answers = at_once(*[partial(ask, admin, at_the_same_time, f"2 {operation}")] * 4)
    assert len({repr(told(answer)) for answer in answers}) == 1, operation
    grown = {table: after[table] - before[table] for table in TABLES}
    expected = {table: after[table] + grown[table] for table in TABLES}
    assert counted(school) == expected, operation


def test_a_body_that_differs_in_one_word_is_another_request(school):
    """A14"""
    admin, (path, body) = school.admin(), person(school)
    made = ask(admin, (path, body), "k")
    assert ask(admin, (path, {**body, "given_name": "Pam"}), "k").status_code == 409
    # The same JSON in another order is the same request.
    again = ask(admin, (path, dict(reversed(body.items()))), "k")
    assert again.json() == made.json()
    # Another member of staff has keys of their own.
    assert ask(school.member(), (path, body), "k").json()["id"] != made.json()["id"]


def test_a_refused_request_may_be_repeated_under_its_key(school):
    admin = school.admin()
    school.person(source_id="S1")
    body = {"given_name": "Pat", "source_id": "S1"}
    assert ask(admin, ("/people", body), "k").status_code == 409
    (taken,) = admin.api.get("/people", params={"source_id": "S1"}).json()["items"]
    admin.api.patch(f"/people/{taken['id']}", json={"source_id": None})
    assert ask(admin, ("/people", body), "k").status_code == 201


def test_no_secret_is_kept(stack, school):
    """A token is shown once; a password leaves nothing that words could be tried against."""
    admin = school.admin()
    made = ask(admin, token(school), "t")
    assert made.json()["token"].startswith("rl_")
    assert ask(admin, token(school), "t").json() == {**made.json(), "token": None}
    path, body = staff(school)
    ask(admin, (path, body), "s")
    with stack.app.app_context():
        rows = db.session.execute(
            select(Idempotency).where(Idempotency.institution_id == school.id)
        ).scalars()
        kept = " ".join(f"{row.asked} {row.answer}" for row in rows)
        db.session.remove()
    assert made.json()["name"] in kept
    assert made.json()["token"] not in kept
    assert PASSWORD not in kept


@pytest.mark.parametrize(("hours", "kept"), [(24, True), (72, False)])
def test_a_key_is_kept_for_a_day_and_not_for_ever(stack, school, hours, kept):
    made = ask(school.admin(), person(school), "k")
    assert made.status_code == 201
    ours = select(Idempotency).where(Idempotency.institution_id == school.id)
    with stack.app.app_context():
        at = db.session.execute(ours).scalar_one().created_at
        with time_machine.travel(at + timedelta(hours=hours), tick=False):
            assert clock.now() > at
            idempotency.forget_old()
        found = db.session.execute(ours).scalar_one_or_none()
        db.session.remove()
    assert (found is not None) is kept
