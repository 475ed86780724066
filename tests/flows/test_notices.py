"""Notices: an email to whoever has not seen that somebody answered."""

from tests.helpers import until
from tests.live import Socket
from tests.school import Member, School, Someone


def answered(school: School, member: Member, **named: str) -> tuple[Someone, dict]:
    """Somebody whom this member texted and who has answered; their conversation."""
    person = school.person("mobile", **named)
    sent = member.send(person)
    member.settled(sent["id"], "delivered")
    school.texts(person.numbers[0], sent["from"], f"Answer of {person.id}")
    return person, member.api.get(f"/conversations/{sent['conversation_id']}").json()


def test_an_answer_that_nobody_sees_becomes_one_email(school):
    """S3-16, S3-17: to the member of staff; what was said, by whom, and where to answer."""
    dana, _ = school.holder()
    maya, thread = answered(school, dana)
    (mail,) = until(lambda: school.mails(dana.email))
    assert mail["subject"] == "Maya Torres answered your text"
    assert f"Answer of {maya.id}" in mail["text"]
    assert f"{school.url}/inbox/{thread['id']}" in mail["text"]
    assert mail["from"] == "Northfield College <no-reply@replyline.example>"
    assert mail["reply_to"] == ""  # an answer to it reaches nobody
    assert school.mails(maya.email) == []


def test_one_notice_per_conversation_until_it_is_read(school):
    """S3-16, I4: more answers are no more emails; another conversation is another email."""
    dana, ours = school.holder()
    maya, thread = answered(school, dana)
    until(lambda: len(school.mails(dana.email)) == 1)
    school.texts(maya.numbers[0], ours, "And one more thing")
    answered(school, dana, name="Jaylen Brooks")  # told after the first one would be again
    subjects = until(lambda: len(m := school.mails(dana.email)) >= 2 and m)
    assert [m["subject"].split()[0] for m in subjects] == ["Maya", "Jaylen"]
    dana.api.patch(f"/conversations/{thread['id']}", json={"read": True})
    school.texts(maya.numbers[0], ours, "Are you there?")
    latest = until(lambda: len(m := school.mails(dana.email)) >= 3 and m)[-1]
    assert "Are you there?" in latest["text"]


def test_the_words_of_the_notice_are_a_setting(school):
    """S3-16."""
    school.settings(
        reply_notice={"subject": "{institution}: {name}", "body": "{text} / {link} / {x}"}
    )
    dana, _ = school.holder()
    maya, thread = answered(school, dana)
    (mail,) = until(lambda: school.mails(dana.email))
    assert mail["subject"] == "Northfield College: Maya Torres"
    assert (
        mail["text"].strip() == f"Answer of {maya.id} / {school.url}/inbox/{thread['id']} / {{x}}"
    )


def test_nobody_is_emailed_about_what_their_browser_shows(school):
    """S3-16: none while a browser is connected, and one once it is gone."""
    dana, _ = school.holder()
    kim, _ = school.holder(name="Kim Alvarez")
    with school.browser(dana) as browser, Socket.of_browser(school, browser) as socket:
        socket.until("ready")
        answered(school, dana)
        longer = len(socket.heartbeats()) + 5  # seconds: than `unseen_before_notice` twice over
        until(lambda: len(socket.heartbeats()) >= longer)
        answered(school, kim)
        until(lambda: school.mails(kim.email))
        assert school.mails(dana.email) == []
    until(lambda: len(school.mails(dana.email)) == 1)


def test_a_program_that_listens_sees_nothing(school):
    """S3-16: a token's socket is no person in front of a screen."""
    dana, _ = school.holder()
    with Socket.of_program(school, dana) as socket:
        socket.until("ready")
        answered(school, dana)
        until(lambda: len(school.mails(dana.email)) == 1)


def test_what_is_read_or_nobodys_is_not_told(school):
    """S3-17, D7: only to the holder, and only while the answer is unread."""
    dana, ours = school.holder()
    (free,) = school.pool(1)
    kim, _ = school.holder(name="Kim Alvarez")
    maya = school.person("mobile")
    thread = dana.send(maya)["conversation_id"]
    with school.browser(dana) as browser, Socket.of_browser(school, browser):
        school.texts(maya.numbers[0], ours, "Read at once")
        dana.api.patch(f"/conversations/{thread}", json={"read": True})
    school.texts(maya.numbers[0], free, "To a number of nobody")
    answered(school, kim)
    until(lambda: school.mails(kim.email))
    assert school.mails(dana.email) == []
    assert school.mails(school.admin().email) == []
