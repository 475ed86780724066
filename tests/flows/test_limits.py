"""The monthly limit: how many texts, what counts, and who is past it (S3-18..S3-20, D27..D29)."""

from collections import Counter
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from app.providers import Accepted
from app.rules.lifecycle import Status
from app.services import claiming, delivery, usage
from app.services.delivery import Outcome
from tests.helpers import until
from tests.school import at_once

PAST = ("email", "message_limit_reached")


def way(message):
    return message["channel"], message["reason"]


@pytest.mark.parametrize("limit", [0, 1, 3])
def test_the_last_place_and_the_first_email(school, limit):
    """S2-5, S3-19, S3-20, I10: n texts of n go, the next goes by email."""
    school.pool(1)
    school.settings(message_limit=limit)
    dana, people = school.member(), [school.person("mobile") for _ in range(limit + 1)]
    *texted, emailed = [dana.send(person) for person in people]
    assert [m["channel"] for m in texted] == ["sms"] * limit
    assert way(emailed) == PAST
    for message in texted:
        dana.settled(message["id"], "delivered")
    dana.settled(emailed["id"], "sent")
    assert len(school.ledger()) == limit
    assert len(school.mails(people[-1].email)) == 1
    assert school.usage()["messages"] == {"used": limit, "limit": limit}
    assert school.usage()["numbers"]["assigned"] == min(limit, 1)  # none for an email


def test_the_use_is_told_for_the_local_month(school):
    """S3-18, D27, S0-23: without a limit there is none."""
    school.pool(1)
    dana = school.member()
    dana.send(school.person("mobile"))
    here = datetime.now(ZoneInfo("America/Chicago")).strftime("%Y-%m")
    assert dana.api.get("/usage").json() == {
        "month": here,
        "messages": {"used": 1, "limit": None},
        "numbers": {"assigned": 1, "limit": None, "available": 0},
    }


def test_answers_count_too(school):
    """S3-20, D29: an answer takes a place like any other text, and without one it is an email."""
    (ours,) = school.pool(1)
    school.settings(message_limit=2)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    school.texts(maya.numbers[0], ours, "Hi")  # what comes in costs nothing
    assert way(dana.reply(thread)) == ("sms", "reply")
    assert way(dana.reply(thread)) == PAST
    assert dana.tries(maya, channel="sms").json()["error"]["code"] == PAST[1]
    assert dana.route(maya)["reason"] == PAST[1]


def test_a_limit_lowered_below_what_is_used_and_raised_again(school):
    """S3-21, D27: nothing is taken back; there is room again when the limit is above the use."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    for _ in range(3):
        dana.send(maya)
    school.settings(message_limit=1)
    assert school.usage()["messages"] == {"used": 3, "limit": 1}
    assert way(dana.send(maya)) == PAST
    school.settings(message_limit=4)
    assert dana.send(maya)["channel"] == "sms"
    assert way(dana.send(maya)) == PAST
    school.settings(message_limit=None)
    assert dana.send(maya)["channel"] == "sms"


def test_segments_are_charged_where_the_school_chose_so(school):
    """S2-12, D27: a text of two parts takes two places, and one part may still fit where two do
    not."""
    school.pool(1)
    school.settings(message_limit=5, limit_unit="segments")
    dana, maya = school.member(), school.person("mobile")
    two_parts = "a" * 161
    assert dana.route(maya, body=two_parts)["segments"] == 2
    assert [dana.send(maya, two_parts)["segments"] for _ in range(2)] == [2, 2]
    assert dana.route(maya, body=two_parts)["reason"] == PAST[1]
    assert way(dana.send(maya, two_parts)) == PAST
    assert dana.send(maya, "a" * 160)["channel"] == "sms"
    assert way(dana.send(maya, "a")) == PAST
    assert school.usage()["messages"] == {"used": 5, "limit": 5}


def test_a_text_that_the_provider_never_took_gives_its_place_back(school):
    """D28: refused is free again; a text that was taken and then lost has cost its place."""
    school.pool(1)
    school.settings(message_limit=2)
    dana, landline, lost = school.member(), school.person("mobile"), school.person("mobile")
    school.carrier.handset(landline.numbers[0], behaviour="landline")
    school.carrier.handset(lost.numbers[0], behaviour="failed", code=30007)
    refused, taken = dana.send(landline), dana.send(lost)
    dana.settled(refused["id"], "sent")
    dana.settled(taken["id"], "failed")
    assert school.usage()["messages"]["used"] == 1
    assert dana.send(school.person("mobile"))["channel"] == "sms"
    assert way(dana.send(school.person("mobile"))) == PAST


def test_a_text_that_was_taken_in_an_earlier_try_has_cost_its_place(college):
    """D28, I10: the phone was off, and before the second try its owner opted out."""
    with college.inside():
        college.text()
        (call,) = claiming.claim(college.account, 1)
        assert claiming.begin_call(call)
        delivery.record([Outcome(call, Accepted("SM" + "f" * 32, Status.ACCEPTED))])
        college.report(call, Status.UNDELIVERED, error="30003")
        college.receive("STOP")
        assert delivery.catch_forbidden() == 1
        assert usage.of_now(college.dana)["messages"]["used"] == 1


def test_fifty_at_once_on_a_limit_of_twenty(school):
    """I10, D28, D29: exactly twenty leave, whoever is fastest; the others go by email."""
    school.pool(10)
    school.settings(message_limit=20)
    staff = [school.member(name=f"Dana {n}") for n in range(10)]
    people = [school.person("mobile") for _ in range(50)]
    sends = [(staff[n % 10], person) for n, person in enumerate(people)]

    # As a browser does it: again under its key where the database was busy.
    asked = at_once(*(partial(member.insists, person) for member, person in sends))

    sent = [member.message(id_) for (member, _), id_ in zip(sends, asked, strict=True)]
    ways = Counter(map(way, sent))
    assert ways == {("sms", "default_phone"): 20, PAST: 30}
    assert school.usage()["messages"] == {"used": 20, "limit": 20}
    for (member, _), message in zip(sends, sent, strict=True):
        member.settled(message["id"], "delivered" if message["channel"] == "sms" else "sent")
    numbers = {m["to"] for m in sent if m["channel"] == "sms"}
    assert sorted(text["to"] for text in school.ledger()) == sorted(numbers)
    addresses = {member.email for member in staff}
    mails = [mail["to"] for mail in school.mails(None) if mail["reply_to"] in addresses]
    assert sorted(mails) == sorted(m["to"] for m in sent if m["channel"] == "email")


# The other limit: how many numbers may be assigned (S3-22, S3-23)


def test_without_a_seat_by_email_and_who_has_a_number_keeps_texting(school):
    """S3-23, S3-26, S3-27, D24: though there are free numbers in the pool."""
    school.pool(2)
    school.settings(number_limit=1)
    dana, lee, maya = school.member(), school.member(name="Lee Morgan"), school.person("mobile")
    first = dana.send(maya)
    assert school.usage()["numbers"] == {"assigned": 1, "limit": 1, "available": 1}
    assert way(lee.send(maya)) == ("email", "number_limit_reached")
    school.settings(number_limit=0)
    again = dana.send(maya)
    assert (again["channel"], again["from"]) == ("sms", first["from"])
    school.settings(number_limit=2)
    assert lee.send(maya)["from"] not in (None, first["from"])
    assert school.usage()["numbers"] == {"assigned": 2, "limit": 2, "available": 0}


def test_an_empty_pool_by_email_and_who_has_a_number_keeps_texting(school):
    """S3-27, D24: its own wall, with its own reason. A number that is added serves the next
    sender."""
    (only,) = school.pool(1)
    dana, lee, maya = school.member(), school.member(name="Lee Morgan"), school.person("mobile")
    dana.send(maya)
    assert way(lee.send(maya)) == ("email", "pool_empty")
    assert dana.send(maya)["from"] == only
    (added,) = school.pool(1)
    assert lee.send(maya)["from"] == added
    until(lambda: {t["from"] for t in school.ledger(maya.numbers[0])} == {only, added})
