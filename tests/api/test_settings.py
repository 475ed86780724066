"""Settings and usage."""

from typing import Any

import pytest

NAMES = {
    "student_default", "staff_default", "default_phone_type", "permitted_roles", "number_limit",
    "message_limit", "limit_unit", "cool_off_days", "max_length", "sms_enabled", "first_contact",
    "help_contact", "more_stop_words", "more_start_words", "reply_notice", "fallback_email",
    "version", "reply_reserve", "segment_price", "unclaimed_answer", "unclaimed_hours",
}  # fmt: skip


def test_settings_have_the_promised_shape_and_change(school):
    """Contract 4, Shapes; S3-4..S3-13"""
    before = school.admin().api.get("/settings").json()
    assert set(before) == NAMES
    changes: dict[str, Any] = {
        "student_default": "opted_out",
        "staff_default": "opted_out",
        "default_phone_type": "home",
        "permitted_roles": ["Administrator", "Responder"],
        "number_limit": 5,
        "message_limit": 700,
        "limit_unit": "segments",
        "reply_reserve": 20,
        "segment_price": 8300,
        "cool_off_days": 3,
        "max_length": 500,
        "sms_enabled": False,
        "first_contact": "Northfield. Reply STOP to stop.",
        "help_contact": "advising@northfield.example",
        "more_stop_words": ["basta"],
        "more_start_words": ["otra vez"],
        "unclaimed_answer": "Somebody answers soon.",
        "unclaimed_hours": 12,
        "reply_notice": {"subject": "A reply", "body": "{text}"},
    }
    after = school.settings(**changes)
    assert {name: after[name] for name in changes} == changes
    assert after["version"] == before["version"] + 1
    assert after["fallback_email"] == before["fallback_email"]
    part = school.settings(reply_notice={"subject": "Only this"}, number_limit=None)
    assert part["reply_notice"] == {"subject": "Only this", "body": "{text}"}
    assert part["number_limit"] is None


def test_two_who_save_at_once_are_told_apart(school):
    """Contract 4: an old version is 409"""
    api, version = school.admin().api, school.settings(max_length=900)["version"]
    stale = api.patch("/settings", json={"version": version - 1, "max_length": 800})
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "outdated")
    assert api.get("/settings").json()["max_length"] == 900


WRONG: list[tuple[str, Any]] = [
    ("number_limit", -1),
    ("number_limit", 10**9),
    ("message_limit", "abc"),
    ("message_limit", 1.5),
    ("max_length", 0),
    ("max_length", 1601),
    ("max_length", None),
    ("cool_off_days", 10**6),
    ("cool_off_days", None),
    ("limit_unit", "letters"),
    ("reply_reserve", None),
    ("segment_price", -1),
    ("unclaimed_hours", 0),
    ("unclaimed_hours", 721),
    ("unclaimed_answer", "x" * 1601),
    ("segment_price", 10**8),
    ("student_default", "maybe"),
    ("default_phone_type", "system"),
    ("permitted_roles", ["Wizard"]),
    ("permitted_roles", ["Student"]),
    ("sms_enabled", "yes"),
    ("region", "CA"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_setting_is_refused_by_name(name, value, quiet):
    """M1, S3-42"""
    api = quiet.admin().api
    before = api.get("/settings").json()
    answer = api.patch("/settings", json={"version": before["version"], name: value})
    assert answer.status_code == 422, answer.text
    assert answer.json()["error"]["fields"][0]["field"].startswith(name)
    assert api.get("/settings").json() == before


def test_limits_need_their_own_right(school, narrowed):
    """D27"""
    version = school.admin().api.get("/settings").json()["version"]
    editor, limiter = (narrowed(school.admin(), f"{what}.edit") for what in ("settings", "limits"))
    limit, length = ({"version": version, name: 500} for name in ("message_limit", "max_length"))
    assert editor.patch("/settings", json=limit).status_code == 403
    assert limiter.patch("/settings", json=length).status_code == 403
    assert limiter.patch("/settings", json=limit).status_code == 200
    assert editor.patch("/settings", json={**length, "version": version + 1}).status_code == 200


def test_usage_counts_what_was_taken(school):
    """S3-18, S3-22, D27"""
    school.pool(2)
    school.settings(message_limit=2, number_limit=1)
    dana, maya = school.member(), school.person("mobile")
    sent = [dana.send(maya, f"Text {n}") for n in range(3)]
    assert [m["reason"] for m in sent] == [
        "default_phone",
        "default_phone",
        "message_limit_reached",
    ]
    usage = school.usage()
    assert len(usage.pop("month")) == len("2026-11")
    assert usage == {
        "messages": {"used": 2, "limit": 2},
        "numbers": {"assigned": 1, "limit": 1, "available": 1},
    }
