"""Email: how a message that is no text leaves, and what its writer sees when it cannot."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from app import clock
from app.database import db, transaction
from app.models import Email
from tests.helpers import until


@pytest.fixture
def mailbox(school):
    """The mail server, which takes everything again afterwards."""
    yield school.mailbox
    school.mailbox.accept_all()


def rows(school, to: str) -> list[Email]:
    with school.app.app_context():
        found = db.session.execute(select(Email).where(Email.to_address == to)).scalars().all()
        db.session.remove()
    return list(found)


def test_what_the_mail_says(school):
    """S3-7, S3-10, D10, D34: the text, who wrote it, why it is an email, and where answers go."""
    dana = school.member()
    devon = school.person(name="Devon Lee")
    sent = dana.send(devon, "Line one\nLine two <b>&</b>")
    assert (sent["channel"], sent["reason"]) == ("email", "no_phone")
    assert dana.settled(sent["id"], "sent")["sent_at"] is not None
    (mail,) = school.mails(devon.email)
    assert mail["from"] == "Dana Whitfield <no-reply@replyline.example>"
    assert (mail["to"], mail["reply_to"]) == (devon.email, dana.email)
    assert mail["subject"] == "A message from Dana Whitfield at Northfield College"
    assert mail["text"].replace("\r\n", "\n").startswith("Line one\nLine two <b>&</b>")
    assert "because we have no phone number of yours" in mail["text"]
    assert "&lt;b&gt;&amp;&lt;/b&gt;" in mail["html"]
    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert mail["message_id"].startswith("<")


def test_the_words_of_the_mail_are_a_setting(school):
    """Contract 4: `fallback_email`; an unknown field stays as it is typed."""
    school.settings(
        fallback_email={"subject": "{institution} wrote", "body": "{sender}: {text} {unknown}"}
    )
    dana, devon = school.member(), school.person()
    dana.send(devon, "Hello {sender}")
    (mail,) = until(lambda: school.mails(devon.email))
    assert mail["subject"] == "Northfield College wrote"
    assert mail["text"].strip() == "Dana Whitfield: Hello {sender} {unknown}"


def test_an_address_that_is_refused_fails_alone_and_its_writer_sees_it(school, mailbox):
    """F60, D31: 5xx is final for that email; the others go."""
    dana = school.member()
    gone, there = school.person(name="Devon Lee"), school.person(name="Grace Kim")
    mailbox.refuse(gone.email, 550)
    sent = [dana.send(person) for person in (gone, there)]
    failed = dana.settled(sent[0]["id"], "failed")
    assert failed["error"]["code"] == "email_failed"
    assert failed["error"]["message"].startswith("550 ")
    dana.settled(sent[1]["id"], "sent")
    told = [e["status"] for e in dana.events() if e["ids"].get("message") == failed["id"]]
    assert told == ["queued", "failed"]
    assert rows(school, gone.email)[0].tries == 1


def test_a_mail_server_that_says_later_gets_it_later_and_once(school, mailbox):
    """F58: retried with the same Message-ID until it is taken."""
    dana, devon = school.member(), school.person()
    mailbox.refuse("*", 451)
    sent = dana.send(devon, "Patience")
    (waiting,) = until(lambda: (found := rows(school, devon.email))[0].error and found)
    assert waiting.error.startswith("451 ")
    until(lambda: rows(school, devon.email)[0].tries >= 3)
    assert dana.message(sent["id"])["status"] == "queued"
    mailbox.accept_all()
    dana.settled(sent["id"], "sent")
    (mail,) = school.mails(devon.email)
    assert mail["message_id"] == waiting.message_header
    assert dana.message(sent["id"])["error"] is None


def test_one_mailbox_that_says_later_holds_up_nobody_else(school, mailbox):
    """F60: a full or cautious mailbox is about one address, not about the server."""
    dana = school.member()
    full, others = school.person(), [school.person(name="Grace Kim") for _ in range(3)]
    mailbox.refuse(full.email, 452)
    sent = [dana.send(person) for person in (full, *others)]
    for message in sent[1:]:
        dana.settled(message["id"], "sent")
    assert dana.message(sent[0]["id"])["status"] == "queued"


def test_a_mail_that_nobody_takes_for_a_day_has_failed(school, mailbox):
    """F58: its writer is told at last."""
    dana, devon = school.member(), school.person()
    mailbox.refuse("*", 451)
    sent = dana.send(devon)
    until(lambda: rows(school, devon.email)[0].tries)
    yesterday = clock.now() - timedelta(hours=25)
    with school.app.app_context():
        with transaction():
            mails = update(Email).where(Email.to_address == devon.email)
            db.session.execute(mails.values(created_at=yesterday))
        db.session.remove()
    failed = dana.settled(sent["id"], "failed")
    assert failed["error"]["code"] == "email_failed"
    assert failed["error"]["message"].startswith("given up: 451 ")


def test_a_failed_text_shows_what_became_of_its_email(school, mailbox):
    """D35, S3-86: the text stays failed, and the email that followed it too."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    mailbox.refuse(maya.email, 550)
    school.carrier.handset(maya.numbers[0], behaviour="failed", code=30007)
    sent = dana.send(maya)
    message = until(lambda: (m := dana.message(sent["id"]))["email"] and m)
    until(lambda: dana.message(sent["id"])["email"]["status"] == "failed")
    assert (message["status"], message["error"]["code"]) == ("failed", "30007")
    assert dana.message(sent["id"])["error"]["code"] == "30007"


def test_nobody_writes_headers_through_a_name(school):
    """X24: in the name of the writer, and in the words of the subject."""
    school.settings(
        fallback_email={"subject": "Hi\r\nBcc: evil@evil.example\r\n\r\nBody", "body": "{text}"}
    )
    dana = school.member(name="Dana\r\nBcc: evil@evil.example\r\nX: ")
    devon = school.person()
    dana.settled(dana.send(devon)["id"], "sent")
    (mail,) = school.mails(devon.email)
    assert not {"Bcc", "X"} & set(mail["headers"])
    assert mail["to"] == devon.email
    assert mail["subject"] == "Hi Bcc: evil@evil.example Body"
    assert school.mails("evil@evil.example") == []


def test_without_an_address_nothing_leaves_and_the_sender_is_told(school):
    """D10, D30."""
    dana = school.member()
    nobody = school.person(email=None)
    sent = dana.send(nobody)
    assert (sent["channel"], sent["status"], sent["reason"]) == ("none", "not_sent", "no_phone")
    assert sent["error"]["code"] == "no_email"
