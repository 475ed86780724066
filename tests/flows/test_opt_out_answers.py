"""Opt-out answers: who confirms a STOP, what the carrier knows before we do, and what is asked."""

import pytest
from sqlalchemy import select

from app.database import db
from app.models import ContactNumber, OptOutReplies
from app.services import accounts
from tests.helpers import until
from tests.provider import Provider
from tests.school import School, Someone, new_number


def answer_ourselves(school: School) -> None:
    """D21: the account says that STOP, START and HELP are ours to answer."""
    school.carrier.change_account(school.account_sid, opt_out_handling=False)
    with school.app.app_context():
        accounts.add(
            school.id,
            school.account_sid,
            school.account_secret,
            api_url=school.carrier.base_url,
            opt_out_replies=OptOutReplies.OURS,
        )
        db.session.remove()


def shown(school: School, number: str) -> list[str]:
    """What arrived on the handset."""
    return [t["body"] for t in school.carrier.shown(number) if t["direction"] == "in"]


def test_the_provider_answers_and_we_do_not(school):
    """D21: never both."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    for word in ("HELP", "STOP", "START"):
        school.texts(maya.numbers[0], ours, word)
    (thread,) = dana.conversations(unread="true")
    assert {m["direction"] for m in dana.thread(thread["id"])} == {"inbound"}
    assert len(shown(school, maya.numbers[0])) == 3
    assert school.ledger(maya.numbers[0]) == []


def test_we_answer_once_in_ten_minutes(school):
    """D21, I9: one answer per kind and number, past the consent gate and outside the limits."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    answer_ourselves(school)
    school.settings(message_limit=0)
    for word in ("HELP", "info", "STOP", "stop", "START", "unstop"):
        school.texts(maya.numbers[0], ours, word)
    (thread,) = dana.conversations(unread="true")
    ours_said = [m for m in dana.thread(thread["id"]) if m["direction"] == "outbound"]
    assert [m["type"] for m in ours_said] == ["help_reply", "stop_reply", "start_reply"]
    for message in ours_said:
        dana.settled(message["id"], "delivered")
    answers = shown(school, maya.numbers[0])
    assert answers == [m["body"] for m in ours_said]
    assert all(text.startswith("Northfield College: ") for text in answers)
    assert school.usage()["messages"]["used"] == 1  # the holder's first text, of before


def test_the_confirmation_is_the_last_text_after_a_stop(school):
    """S0-27, D14, D21, I9: it passes although the number is off; nothing else does."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    answer_ourselves(school)
    school.texts(maya.numbers[0], ours, "STOP")
    sent = dana.send(maya, "One more thing")
    assert (sent["channel"], sent["reason"]) == ("email", "opted_out")
    (text,) = until(lambda: school.ledger(maya.numbers[0]))
    assert "you are opted out" in text["body"]
    with school.browser(dana) as browser:  # both are in the log
        page = browser.get("/messages").text
    assert "you are opted out" in page
    assert "Automatic answer" in page
    assert "One more thing" in page


def test_what_the_provider_has_answered_we_do_not(school):
    """W31: `OptOutType` says that the answer is out already."""
    dana, ours = school.holder()
    maya, provider = school.person("mobile"), Provider(school)
    answer_ourselves(school)
    form = provider.text(maya.numbers[0], ours, "STOP", OptOutType="STOP")
    assert provider.post(form).status_code == 200
    assert school.phone_status(maya) == ["disabled"]
    (thread,) = dana.conversations(unread="true")
    assert [m["direction"] for m in dana.thread(thread["id"])] == ["inbound"]


def stopped_behind_our_back(school: School, person: Someone) -> str:
    """A number of ours that the carrier blocks for this person, and nobody has told us."""
    number = new_number()
    school.carrier.number(school.account_sid, number)
    answer = school.texts(person.numbers[0], number, "STOP")
    assert answer["webhook"] is None  # the number calls nobody yet
    school.add_numbers(number)
    return number


def test_a_block_that_we_did_not_know_counts_as_stop(school):
    """S3-55, S3-87, D18, D28, F36: this message by email, all numbers off, its place given back."""
    maya = school.person("mobile", "home")
    ours = stopped_behind_our_back(school, maya)
    dana = school.member()
    sent = dana.send(maya, "Your hold is cleared")
    assert (sent["channel"], sent["from"]) == ("sms", ours)
    mailed = until(lambda: (m := dana.message(sent["id"]))["channel"] == "email" and m)
    assert (mailed["reason"], mailed["to"]) == ("opted_out", maya.email)
    assert mailed["error"]["code"] == "21610"
    assert school.phone_status(maya) == ["disabled", "disabled"]
    items = school.admin().api.get(f"/phones/{maya.phone_ids[0]}/consent").json()["items"]
    assert (items[0]["event"], items[0]["reason"]) == ("opted_out", "provider error 21610")
    thread = dana.api.get(f"/conversations/{sent['conversation_id']}").json()
    assert [marker["name"] for marker in thread["markers"]] == ["opted_out"]
    assert school.usage()["messages"]["used"] == 0
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]
    # The pair is known as blocked from now on: enabled by hand, it is not even tried.
    school.set_status(maya, 0, "enabled")
    again = dana.send(maya, "And your bill")
    assert (again["channel"], again["reason"]) == ("email", "carrier_blocked")
    assert school.ledger(maya.numbers[0]) == []


VAGUE = ["please stop texting me", "no mas", "sto p", "Stop please"]


@pytest.mark.parametrize("answer", ["consent", "dismiss"])
def test_a_vague_opt_out_is_asked_about_and_answered_with_one_click(school, answer):
    """D20: never guessed; bulk texts pause at once, and the holder decides."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    sent = dana.send(maya)
    dana.settled(sent["id"], "delivered")
    school.texts(maya.numbers[0], ours, "please stop texting me")
    assert school.phone_status(maya) == ["default"]
    assert paused(school, maya)
    page = f"/inbox/{sent['conversation_id']}"
    with school.browser(dana) as browser:
        assert "Opt Maya Torres out?" in browser.get(page).text
        assert browser.post(f"{page}/{answer}").status_code == 303
        assert "Opt Maya Torres out?" not in browser.get(page).text
        assert browser.post(f"{page}/{answer}").status_code == 409  # answered already
    assert school.phone_status(maya) == ["disabled" if answer == "consent" else "default"]
    assert not paused(school, maya)


def test_vague_words_and_ordinary_sentences(school):
    """D20: a sentence that merely contains a keyword is a message."""
    _, ours = school.holder()
    said = {}
    for body in (*VAGUE, "I can't stop by today", "When does it end?", "Yes please"):
        person = school.person("mobile")
        school.texts(person.numbers[0], ours, body)
        said[body] = (school.phone_status(person), paused(school, person))
    assert said == {body: (["enabled"], body in VAGUE) for body in said}


def test_a_plain_stop_after_a_vague_one_needs_no_more_question(school):
    """D14, D20: the person has answered it."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    school.texts(maya.numbers[0], ours, "please stop texting me")
    school.texts(maya.numbers[0], ours, "STOP")
    (thread,) = dana.conversations(unread="true")
    with school.browser(dana) as browser:
        assert "Opt Maya Torres out?" not in browser.get(f"/inbox/{thread['id']}").text


def paused(school: School, person: Someone) -> bool:
    """Whether automatic and bulk texts to this person's first number are paused."""
    with school.app.app_context():
        found = db.session.execute(
            select(ContactNumber.bulk_paused_at).where(ContactNumber.e164 == person.numbers[0])
        ).scalar_one()
        db.session.remove()
    return found is not None


def test_an_admins_own_words_count_too(school):
    """D15: words per language, beside STOP and START."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    school.settings(more_stop_words=["basta"], more_start_words=["otra vez"])
    school.texts(maya.numbers[0], ours, "¡Basta!")
    assert school.phone_status(maya) == ["disabled"]
    school.texts(maya.numbers[0], ours, "otra vez")
    assert school.phone_status(maya) == ["enabled"]
    assert dana.route(maya)["channel"] == "sms"


def test_our_help_names_whom_to_ask(school):
    """D21: the institution and a contact."""
    _, ours = school.holder()
    maya = school.person("mobile")
    answer_ourselves(school)
    school.settings(help_contact="advising@northfield.example")
    school.texts(maya.numbers[0], ours, "HELP")
    (text,) = until(lambda: school.ledger(maya.numbers[0]))
    assert "Northfield College" in text["body"]
    assert "advising@northfield.example" in text["body"]
