"""Sending: what may be written, once and in order, and what carries it where a text cannot (A11,
I8, I15, D10, D34, D36, D43)."""

from contextlib import contextmanager
from functools import partial

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import Email
from tests.helpers import until
from tests.school import at_once

LINE = "Northfield College. Reply STOP to stop."


def with_key(member, person, key, body="Hello", **more):
    return member.api.post(
        "/messages",
        json={"person_id": person.id, "body": body, **more},
        headers={"Idempotency-Key": key},
    )


def error_of(answer):
    return answer.status_code, answer.json()["error"]["code"]


# What may be written


@pytest.mark.parametrize(
    "body",
    ["", " \n\t ", "\u200b\u2060\ufeff", "bell \x07", "\x00", "c1 \x85 here", 7, None],
)
def test_a_body_that_is_no_message(school, body):
    """A11, S4-38: empty, nothing to see, or not to be shown by a phone."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    for answer in (
        dana.tries(maya, body),
        dana.tries(maya, body, channel="email"),
    ):
        assert error_of(answer) == (422, "invalid")
        assert [f["field"] for f in answer.json()["error"]["fields"]] == ["body"]
    assert dana.said_to(maya) == []


@pytest.mark.parametrize(
    ("letter", "length", "hint"),
    [("a", 1000, None), ("a", 1001, "7 texts"), ("😀", 1000, None), ("😀", 1001, "31 texts")],
)
def test_the_longest_body(school, letter, length, hint):
    """S3-73, S4-39, A11: 1000 characters, whatever they take; with more it says what they take."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    answer = dana.tries(maya, letter * length)
    if hint is None:
        assert (answer.status_code, answer.json()["body"]) == (201, letter * length)
        return
    assert error_of(answer) == (422, "invalid")
    (field,) = answer.json()["error"]["fields"]
    assert field["field"] == "body"
    assert "1,001 characters; 1,000 is the most" in field["message"]
    assert hint in field["message"]


def test_the_longest_body_is_a_setting(school):
    """S3-72, D36: for answers and emails as well."""
    (ours,) = school.pool(1)
    school.settings(max_length=20)
    dana, maya = school.member(), school.person("mobile")
    thread = dana.send(maya, "a" * 20)["conversation_id"]
    school.texts(maya.numbers[0], ours, "b" * 100)  # what comes in is not ours to cut
    assert error_of(dana.tries(maya, "a" * 21, channel="email")) == (422, "invalid")
    path = f"/conversations/{thread}/messages"
    assert error_of(dana.api.post(path, json={"body": "a" * 21})) == (422, "invalid")
    assert dana.reply(thread, f"  {'a' * 20}\r\n")["body"] == "a" * 20


def test_what_cannot_be_sent_at_all(school):
    """Contract 4: unknown people and fields; another school's person is nobody."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    with school.another() as other:
        theirs = other.person("mobile")
        assert error_of(dana.tries(theirs)) == (404, "not_found")
        assert error_of(dana.api.get(f"/people/{theirs.id}/route")) == (404, "not_found")
    refused = [dana.tries(maya, **odd) for odd in ({"text": "x"}, {"channel": "fax"})]
    assert [error_of(answer) for answer in refused] == [(422, "invalid")] * 2
    assert "text" in refused[0].json()["error"]["fields"][0]["message"]


def test_the_first_text_says_who_writes_and_how_to_stop(school):
    """D43: once for the whole school, counted as part of the text, and not on an email."""
    school.pool(2)
    school.settings(first_contact=LINE)
    dana, lee, maya = school.member(), school.member(name="Lee Morgan"), school.person("mobile")
    assert dana.send(maya, channel="email")["body"] == "Hello"
    room = 160 - len(f"\n{LINE}")
    assert dana.route(maya, body="a" * room)["segments"] == 1
    assert dana.route(maya, body="a" * (room + 1))["segments"] == 2
    assert error_of(dana.tries(maya, "a" * (1000 - len(LINE)))) == (422, "invalid")
    first = dana.send(maya)
    dana.settled(first["id"], "delivered")
    second, third = dana.send(maya), lee.send(maya)
    dana.settled(second["id"], "delivered")
    lee.settled(third["id"], "delivered")
    texts = [text["body"] for text in school.ledger(maya.numbers[0])]
    assert texts == [f"Hello\n{LINE}", "Hello", "Hello"]
    assert dana.send(maya, "a" * 1000)["segments"] == 7


# Once, and in order


def test_a_request_that_is_repeated_is_one_message(school):
    """I8: however often and however much at once; its place and its text are one."""
    school.pool(1)
    school.settings(first_contact=LINE)
    dana, maya = school.member(), school.person("mobile")
    answers = at_once(*[partial(with_key, dana, maya, "k-1")] * 10)
    assert [answer.status_code for answer in answers] == [201] * 10
    (message_id,) = {answer.json()["id"] for answer in answers}
    dana.settled(message_id, "delivered")
    assert with_key(dana, maya, "k-1").json()["id"] == message_id
    assert len(school.ledger()) == 1
    assert len(dana.said_to(maya)) == 1
    assert school.usage()["messages"]["used"] == 1


def test_a_key_that_was_used_for_something_else(school):
    """I8: another body, even one that the first begins with, or another person, is refused; a
    colleague's same key is another key."""
    school.pool(2)
    dana, lee = school.member(), school.member(name="Lee Morgan")
    maya, ana = school.person("mobile"), school.person("mobile")
    first = with_key(dana, maya, "k-1", "Hello\nand more")
    refused = [
        with_key(dana, maya, "k-1", "Hello again"),
        with_key(dana, maya, "k-1", "Hello"),
        with_key(dana, ana, "k-1", "Hello\nand more"),
    ]
    assert [error_of(answer) for answer in refused] == [(409, "idempotency_mismatch")] * 3
    theirs = with_key(lee, maya, "k-1", "Hello\nand more")
    assert theirs.status_code == 201
    assert theirs.json()["id"] != first.json()["id"]
    for odd in ("", "k" * 81):
        assert error_of(with_key(dana, maya, odd)) == (422, "invalid")


def test_an_answer_that_is_repeated_is_one_message(school):
    """I8 for answers; an email is no exception."""
    dana, maya = school.member(), school.person("home")
    thread = with_key(dana, maya, "k-1").json()["conversation_id"]
    path, key = f"/conversations/{thread}/messages", {"Idempotency-Key": "k-2"}
    post = partial(dana.api.post, path, json={"body": "Hello again"}, headers=key)
    (answer,) = {answer.json()["id"] for answer in at_once(*[post] * 5)}
    dana.settled(answer, "sent")
    assert [m["body"] for m in dana.thread(thread)] == ["Hello", "Hello again"]
    assert len(school.mails(maya.email)) == 2


def test_what_a_form_sends_as_its_key_is_a_key(school):
    """I8, U1: also with what no database keeps in it, or too long; forged, it is still one message
    for each."""
    dana, _ = school.holder()
    maya, ana = school.person("mobile"), school.person("mobile", name="Ana Li")
    thread = dana.send(maya, "Before")["conversation_id"]
    with school.browser(dana) as browser:
        for key in ("a\x00b", "ab", "a\x00b", "k" * 200, "k" * 300):
            form = {"body": "Hello", "key": key}
            assert browser.post(f"/inbox/{thread}/messages", data=form).status_code == 303
            assert browser.post(f"/inbox/{thread}/draft", data=form).status_code == 204
        first = {"person_id": ana.id, "body": "Hello Ana", "key": "\x00first"}
        for _ in range(2):
            assert browser.post("/inbox/new", data=first).status_code == 303
    assert [m["body"] for m in dana.thread(thread)] == ["Before", "Hello", "Hello"]
    assert [m["body"] for m in dana.said_to(ana)] == ["Hello Ana"]


def test_texts_to_one_person_leave_in_order(school):
    """I15: ten at a time are under way to different people, but never two of one pair."""
    school.pool(1)
    school.carrier.change_account(school.account_sid, latency_ms=30)
    dana, maya, ana = school.member(), school.person("mobile"), school.person("mobile")
    for n in range(10):
        dana.send(maya, f"Maya {n}")
        last = dana.send(ana, f"Ana {n}")
    dana.settled(last["id"], "delivered")
    until(lambda: len(school.ledger()) == 20)
    for name, person in (("Maya", maya), ("Ana", ana)):
        left = [text["body"] for text in school.ledger(person.numbers[0])]
        assert left == [f"{name} {n}" for n in range(10)]


@contextmanager
def waiting(school, dana, *people):
    """For each person a text that the provider has and a queued one behind it, while the account is
    stopped and their number may change hands: (those, these, the number's id)."""
    school.carrier.change_account(school.account_sid, latency_ms=1500)
    calling = [dana.send(person, "On its way") for person in people]
    until(lambda: len(school.ledger()) == len(people))
    queued = [dana.send(person, "Behind it") for person in people]
    with school.account_stopped():
        school.carrier.change_account(school.account_sid, latency_ms=0)
        yield calling, queued, school.number(calling[0]["from"])["id"]
    for message in calling:
        dana.settled(message["id"], "delivered")


def assign(school, number_id, member):
    body = {"staff_id": member.id, "conversations": "keep"}
    return school.admin().api.post(f"/numbers/{number_id}/assign", json=body)


@pytest.mark.parametrize("taken", ["handed on", "released", "retired"])
def test_a_text_whose_number_is_taken_before_it_left_goes_by_email(school, taken):
    """D34: never under somebody else's name, and its place is given back."""
    school.pool(1)
    dana, lee = school.member(), school.member(name="Lee Morgan")
    maya, unreachable = school.person("mobile"), school.person("mobile", email=None)
    with waiting(school, dana, maya, unreachable) as (_, (by_email, lost), number_id):
        api = school.admin().api
        answer = {
            "handed on": partial(assign, school, number_id, lee),
            "released": partial(api.delete, f"/numbers/{number_id}/assignment"),
            "retired": partial(api.delete, f"/numbers/{number_id}"),
        }[taken]()
        assert answer.is_success
    emailed = dana.settled(by_email["id"], "sent")
    told = ("email", "delivery_failed", maya.email)
    assert (emailed["channel"], emailed["reason"], emailed["to"]) == told
    (mail,) = school.mails(maya.email)
    assert mail["text"].startswith("Behind it")
    assert dana.settled(lost["id"], "not_sent")["error"]["code"] == "no_email"
    assert [text["body"] for text in school.ledger()] == ["On its way"] * 2
    assert school.usage()["messages"]["used"] == 2


def test_a_text_stays_one_when_its_writer_holds_the_number_again(school):
    """D34: also who writes several first texts at once gets the number with only one of them."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    with waiting(school, dana, maya) as (_, (queued,), number_id):
        school.admin().api.delete(f"/numbers/{number_id}/assignment")
        assert assign(school, number_id, dana).status_code == 201
    assert dana.settled(queued["id"], "delivered")["from"] == queued["from"]
    assert [text["body"] for text in school.ledger()] == ["On its way", "Behind it"]


# The email


def test_the_email_says_who_writes_and_why(school):
    """D10: an answer reaches the writer, and it is marked as sent by a program."""
    dana, maya = school.member(), school.person("home")
    sent = dana.send(maya, "Bring your <form>,\nplease")
    dana.settled(sent["id"], "sent")
    (mail,) = school.mails(maya.email)
    assert mail["from"] == "Dana Whitfield <no-reply@replyline.example>"
    assert (mail["to"], mail["reply_to"]) == (maya.email, dana.email)
    assert mail["subject"] == "A message from Dana Whitfield at Northfield College"
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    because = "This came as an email because we have no number of yours that gets texts."
    who = "Dana Whitfield, Northfield College"
    text = mail["text"].replace("\r\n", "\n")
    assert text.startswith(f"Bring your <form>,\nplease\n\n{who}\n\n{because}")
    assert "<p>Bring your &lt;form&gt;,<br>please</p>" in mail["html"]
    assert who in mail["html"]
    assert because in mail["html"]


def test_an_email_that_is_tried_again_keeps_its_id(school):
    """One mail with one Message-ID, whatever happened to the tries before."""
    dana, maya = school.member(), school.person()
    ours = Email.to_address == maya.email

    def after_a_try() -> str | None:
        with school.app.app_context():
            wanted = select(Email.message_header).where(ours, Email.error.is_not(None))
            return db.session.execute(wanted).scalar_one_or_none()

    school.mailbox.refuse(maya.email, 451)
    sent = dana.send(maya)
    tried_with = until(after_a_try)
    school.mailbox.accept_all()
    with school.app.app_context(), transaction():
        db.session.execute(update(Email).where(ours).values(due_at=clock.now()))
    dana.settled(sent["id"], "sent")
    assert [mail["message_id"] for mail in school.mails(maya.email)] == [tried_with]


def test_an_email_by_choice(school):
    """D40: although a text could go; no number is assigned for it."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    sent = dana.send(maya, channel="email")
    assert (sent["channel"], sent["reason"], sent["to"]) == ("email", None, maya.email)
    unreachable = dana.send(school.person("mobile", email=None), channel="email")
    assert (unreachable["status"], unreachable["error"]["code"]) == ("not_sent", "no_email")
    assert school.usage()["numbers"]["assigned"] == 0
