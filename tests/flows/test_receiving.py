"""Receiving: every text that arrives is kept once, as it came, and seen by who may see it."""

import pytest
from sqlalchemy import select

from app.database import db
from app.models import Picture
from tests.provider import Provider
from tests.school import at_once, new_number


def created(member, after: int) -> list[int]:
    """The inbound messages announced since a bookmark."""
    return [
        event["ids"]["message"]
        for event in member.events(after)
        if event["name"] == "message.created" and event["status"] == "received"
    ]


def bookmark(member) -> int:
    return max((event["seq"] for event in member.events()), default=0)


def test_a_webhook_that_arrives_five_times_at_once_is_one_text(school):
    """I1, I4: one row, one unread, one event."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    before = bookmark(dana)
    answer = school.texts(maya.numbers[0], ours, "Are you in today?", repeat=5)
    assert [call["status"] for call in answer["webhooks"]] == [200] * 5
    (thread,) = dana.conversations(unread="true")
    (text,) = dana.thread(thread["id"])
    assert (thread["unread"], text["body"]) == (1, "Are you in today?")
    assert text["provider_sid"] == answer["sid"]
    assert created(dana, before) == [text["id"]]


def test_texts_that_arrive_together_are_all_kept(school):
    """I1: twenty texts of five phones at the same moment, in as many rows."""
    dana, ours = school.holder()
    provider = Provider(school)
    phones = [new_number() for _ in range(5)]
    forms = [provider.text(phone, ours, f"Text {n}") for phone in phones for n in range(4)]
    answers = at_once(*(lambda form=form: provider.post(form) for form in forms))
    assert {answer.status_code for answer in answers} == {200}
    threads = dana.conversations(unread="true")
    assert sorted(thread["unread"] for thread in threads) == [4] * 5
    said = [m["provider_sid"] for thread in threads for m in dana.thread(thread["id"])]
    assert sorted(said) == sorted(form["MessageSid"] for form in forms)


# W22, W23: what arrives, and what is kept of it
AS_IT_CAME = [
    "",
    "🎓👩🏽‍🎓 4-byte emoji",
    "x" * 1600,
    "\u202eold.exe is right to left",
    "<img src=x onerror=alert(1)>",
    "{{7*7}} {% raw %} ${7*7}",
    "javascript:alert(1)",
    "'; DROP TABLE message;--",
    "two\nlines",
    "  space at both ends  ",
]


def test_whatever_is_in_a_text_is_kept_as_text(school):
    """W22, W23."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    for body in AS_IT_CAME:
        answer = school.texts(maya.numbers[0], ours, body)
        assert answer["webhook"]["status"] == 200, body
    (thread,) = dana.conversations(unread="true")
    assert thread["unread"] == len(AS_IT_CAME)
    assert [m["body"] for m in dana.thread(thread["id"])] == AS_IT_CAME
    with school.browser(dana) as browser:
        page = browser.get(f"/inbox/{thread['id']}").text
    assert "&lt;img src=x onerror=alert(1)&gt;" in page
    assert "<img src=x" not in page
    assert "{{7*7}}" in page


@pytest.mark.parametrize(
    ("body", "kept"), [("a\x00b", "ab"), ("\x00", ""), ("y" * 10_000, "y" * 10_000)]
)
def test_what_a_database_cannot_hold_is_left_out(school, body, kept):
    """W22."""
    dana, ours = school.holder()
    provider = Provider(school)
    assert provider.post(provider.text(new_number(), ours, body)).status_code == 200
    (thread,) = dana.conversations(unread="true")
    assert [m["body"] for m in dana.thread(thread["id"])] == [kept]


def test_pictures_are_recorded_with_where_they_are(school):
    """Contract 3: a picture is a row with its address and type; it is fetched only when seen."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    school.carrier.text(maya.numbers[0], ours, "Look", media=["image/png", "image/jpeg"])
    (thread,) = dana.conversations(unread="true")
    (text,) = dana.thread(thread["id"])
    with school.app.app_context():
        rows = db.session.execute(
            select(Picture.url, Picture.content_type)
            .where(Picture.message_id == text["id"])
            .order_by(Picture.id)
        ).all()
        db.session.remove()
    assert [kind for _, kind in rows] == ["image/png", "image/jpeg"]
    assert all(url.startswith(f"{school.carrier.base_url}/") for url, _ in rows)


def test_an_unknown_number_has_a_thread_of_its_own(school):
    """S4-35, D6: kept with whoever holds the number, and can be answered."""
    dana, ours = school.holder()
    stranger = new_number()
    school.texts(stranger, ours, "Is this the registrar?")
    (thread,) = dana.conversations(unread="true")
    assert (thread["person_id"], thread["recipient"]) == (None, stranger)
    sent = dana.reply(thread["id"], "It is. Who is writing?")
    assert (sent["channel"], sent["reason"], sent["to"]) == ("sms", "reply", stranger)
    dana.settled(sent["id"], "delivered")


@pytest.mark.parametrize("sender", ["40404", "NETGSM", "+266696687", ""])
def test_who_cannot_be_answered_is_kept_and_matched_to_nobody(school, sender):
    """W16: a short code, a name, an anonymous caller, nobody at all."""
    dana, ours = school.holder()
    provider = Provider(school)
    assert provider.post(provider.text(sender, ours, "Your code is 1234")).status_code == 200
    (thread,) = dana.conversations(unread="true")
    assert thread["person_id"] is None
    assert [m["body"] for m in dana.thread(thread["id"])] == ["Your code is 1234"]
    answer = dana.reply(thread["id"])
    assert (answer["channel"], answer["reason"]) == ("none", "number_invalid")


def test_a_text_to_a_number_that_is_not_ours_is_kept(school):
    """W17, D7: in the queue of what belongs to nobody, seen with `inbox.all` only."""
    dana, _ = school.holder()
    provider, not_ours = Provider(school), new_number()
    assert provider.post(provider.text(new_number(), not_ours, "Hello?")).status_code == 200
    assert dana.conversations(unread="true") == []
    (thread,) = school.admin().conversations(unread="true")
    assert thread["staff_id"] is None
    (text,) = school.admin().thread(thread["id"])
    assert (text["to"], text["body"]) == (not_ours, "Hello?")


def test_a_text_to_a_number_of_another_school_stays_with_the_account_it_came_through(school):
    """Contract 3, D1: the account that signed it decides, not a number that it names."""
    school.holder()
    with school.another() as other:
        kim, theirs = other.holder(name="Kim Alvarez")
        provider = Provider(school)
        assert provider.post(provider.text(new_number(), theirs, "Hello?")).status_code == 200
        assert kim.conversations(unread="true") == []
        assert other.admin().conversations(unread="true") == []
    (thread,) = school.admin().conversations(unread="true")
    assert thread["staff_id"] is None
