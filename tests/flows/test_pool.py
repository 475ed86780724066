"""The pool: who gets which number, and how it comes back (S3-24, S3-74..S3-78, D23, D26)."""

from functools import partial
from typing import Any

import pytest

from tests.school import School, at_once


def release(school: School, number: str) -> Any:
    return school.admin().api.delete(f"/numbers/{school.number(number)['id']}/assignment")


def retire(school: School, number: str) -> Any:
    return school.admin().api.delete(f"/numbers/{school.number(number)['id']}")


def test_a_number_is_assigned_at_the_first_text_and_stays(school):
    """S3-1, S3-24, S3-74, D23: not by being hired, not by a dry run, not by an email."""
    pool = school.pool(2)
    dana, maya = school.member(), school.person("mobile")
    before = school.usage()["numbers"]
    dana.route(maya)
    dana.send(school.person("home"))
    assert school.usage()["numbers"] == before == {"assigned": 0, "limit": None, "available": 2}

    sent = [dana.send(person) for person in (maya, maya, school.person("mobile"))]
    assert {m["from"] for m in sent} == {pool[0]}
    held = school.number(pool[0])
    assert (held["status"], held["staff_id"]) == ("assigned", dana.id)
    assert held["assigned_at"]
    assert school.number(pool[1])["status"] == "available"
    assigned = [e for e in dana.events() if e["name"] == "number.assigned"]
    assert [e["ids"] for e in assigned] == [{"number": held["id"], "staff": dana.id}]
    (row,) = [s for s in school.admin().api.get("/staff").json()["items"] if s["id"] == dana.id]
    assert row["number"] == pool[0]  # S3-29


@pytest.mark.parametrize(
    ("numbers", "limit", "staff"),
    [
        pytest.param(1, None, 20, id="the last number"),
        pytest.param(3, None, 10, id="three numbers"),
        pytest.param(8, 3, 8, id="three seats"),
    ],
)
def test_more_staff_than_numbers_at_once(school, numbers, limit, staff):
    """S3-25, S3-75, I11: each number goes to exactly one, none is left over, the others go by
    email."""
    pool = school.pool(numbers)
    school.settings(number_limit=limit)
    members = [school.member(name=f"Dana {n}") for n in range(staff)]
    maya, least = school.person("mobile"), limit or numbers

    sent = at_once(*(partial(member.send, maya) for member in members))

    texted = [m for m in sent if m["channel"] == "sms"]
    assert len(texted) == least
    assert len({m["from"] for m in texted}) == least
    why = "number_limit_reached" if limit else "pool_empty"
    assert {m["reason"] for m in sent if m["channel"] == "email"} == {why}
    assert school.usage()["numbers"] == {
        "assigned": least,
        "limit": limit,
        "available": numbers - least,
    }
    holders = {n["staff_id"]: number for number in pool if (n := school.number(number))["staff_id"]}
    assert holders == {m["staff_id"]: m["from"] for m in texted}
    for message in texted:
        next(d for d in members if d.id == message["staff_id"]).settled(message["id"], "delivered")
    assert sorted(t["from"] for t in school.ledger()) == sorted(m["from"] for m in texted)


@pytest.mark.parametrize("size", [1, 5])
def test_the_same_person_twice_at_once_gets_one_number(school, size):
    """I11, D23: one active number per member of staff, and every text leaves from it; where it was
    the last one, too."""
    school.pool(size)
    dana, people = school.member(), [school.person("mobile") for _ in range(10)]
    sent = at_once(*(partial(dana.send, person) for person in people))
    assert [m["channel"] for m in sent] == ["sms"] * 10
    assert len({m["from"] for m in sent}) == 1
    assert school.usage()["numbers"] == {"assigned": 1, "limit": None, "available": size - 1}
    for message in sent:
        assert dana.settled(message["id"], "delivered")["channel"] == "sms"
    assert len(school.ledger()) == 10


def test_a_released_number_goes_to_the_next_first_text(school):
    """S3-77, S3-78, D26: its seat and the number are free at once; who had it waits for another."""
    (only,) = school.pool(1)
    school.settings(number_limit=1)
    dana, lee, maya = school.member(), school.member(name="Lee Morgan"), school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    assert release(school, only).status_code == 204
    assert school.usage()["numbers"] == {"assigned": 0, "limit": 1, "available": 1}
    (marker,) = dana.conversations()[0]["markers"]
    assert marker["name"] == "number_released"

    assert lee.send(maya)["from"] == only
    assert school.number(only)["staff_id"] == lee.id
    assert dana.reply(thread)["reason"] == "number_limit_reached"
    second = release(school, only), release(school, only)
    assert [answer.status_code for answer in second] == [204, 409]
    assert second[1].json()["error"]["code"] == "not_assigned"


def test_never_used_numbers_first_then_the_one_idle_longest(school):
    """D23."""
    first, second, third = school.pool(3)
    dana, maya = school.member(), school.person("mobile")
    given = []
    for _ in range(5):
        given.append(dana.send(maya)["from"])
        release(school, given[-1])
    assert given == [first, second, third, first, second]


def test_a_number_that_cools_off_goes_to_nobody(school):
    """D26: its seat is free at once, the number after the days. An admin may hand it on at once."""
    (only,) = school.pool(1)
    school.settings(cool_off_days=30)
    dana, lee, maya = school.member(), school.member(name="Lee Morgan"), school.person("mobile")
    dana.send(maya)
    release(school, only)
    assert school.number(only)["status"] == "cooling"
    assert school.usage()["numbers"] == {"assigned": 0, "limit": None, "available": 0}
    assert lee.send(maya)["reason"] == "pool_empty"
    assign = {"staff_id": lee.id, "conversations": "keep"}
    number_id = school.number(only)["id"]
    answer = school.admin().api.post(f"/numbers/{number_id}/assign", json=assign)
    assert (answer.status_code, answer.json()["status"]) == (201, "assigned")
    assert lee.send(maya)["from"] == only


def test_a_retired_number_is_gone_for_good(school):
    """D26, S3-38: its holder loses it and gets another; the row stays."""
    first, second = school.pool(2)
    dana, maya = school.member(), school.person("mobile")
    dana.send(maya)
    assert retire(school, first).status_code == 204
    assert school.number(first)["status"] == "retired"
    assert school.usage()["numbers"] == {"assigned": 0, "limit": None, "available": 1}
    assert dana.send(maya)["from"] == second
    retire(school, second)
    assert dana.send(maya)["reason"] == "pool_empty"
    number_id = school.number(first)["id"]
    assign = {"staff_id": dana.id, "conversations": "keep"}
    again = [
        retire(school, first),
        release(school, first),
        school.admin().api.post(f"/numbers/{number_id}/assign", json=assign),
    ]
    assert [(a.status_code, a.json()["error"]["code"]) for a in again] == [
        (409, "retired"),
        (409, "not_assigned"),
        (409, "retired"),
    ]


def test_the_pool_is_the_admins(school):
    """D3: `numbers.manage`; another school's number is not there at all."""
    (only,) = school.pool(1)
    number_id = school.number(only)["id"]
    for role in ("Manager", "Advisor", "Responder", "Auditor"):
        api = school.member(role).api
        for answer in (
            api.get("/numbers"),
            api.delete(f"/numbers/{number_id}"),
            api.delete(f"/numbers/{number_id}/assignment"),
        ):
            assert answer.status_code == 403
    with school.another() as other:
        assert retire_by(other, number_id) == 404
    assert school.number(only)["status"] == "available"


def retire_by(school: School, number_id: int) -> int:
    return int(school.admin().api.delete(f"/numbers/{number_id}").status_code)
