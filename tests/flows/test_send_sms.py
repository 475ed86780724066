"""Send SMS from the overview: to a person and to a free number, with consent and without, and that
nothing is sent twice (S4-27..S4-49, D5, D8, D11, D40, D43). What is refused is in
tests/flows/test_send_sms_input.py, the browser's side in tests/browser/test_send_sms.py."""

import html
import json
import re
from functools import partial

import pytest
from sqlalchemy import func, select

from app.database import db
from app.errors import Conflict
from app.models import ContactNumber, Conversation, Message
from app.rules.access import Can
from app.services import sending
from app.services.dispatching import Draft
from tests.helpers import until
from tests.reading import pretty, text_of
from tests.school import at_once, new_number

DIALOG = {"HX-Request": "true"}
LINE = "Northfield College texts from here."


def send(school, member, path="/messages/new", headers=None, **form):
    """Press Send; the answer."""
    with school.browser(member) as browser:
        return browser.post(path, data={"body": "Hello", **form}, headers=headers)


def field(answer, name):
    """What stands in a field of the form."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', answer.text)
    assert found, answer.text
    return html.unescape(found[1])


def stored(school, table):
    with school.app.app_context():
        rows = select(func.count()).where(table.institution_id == school.id)
        count = db.session.execute(rows).scalar_one()
        db.session.remove()
    return count


def texts_to(school, number, count=1):
    """What the carrier accepted for this number, once it is so many."""
    return until(lambda: len(found := school.ledger(number)) >= count and found)


# A free number


def test_a_number_that_is_nobodys(school):
    """S4-35, D5: one thread of the number; what they answer comes into it (D6), and it is on the
    overview like any other."""
    dana, ours = school.holder()
    number = new_number()
    answer = send(school, dana, number=pretty(number), body="Are you coming?")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/messages")
    assert [text["body"] for text in texts_to(school, number)] == ["Are you coming?"]
    (thread,) = [c for c in dana.conversations() if c["recipient"] == number]
    assert (thread["person_id"], thread["sender"]) == (None, ours)
    (message,) = dana.thread(thread["id"])
    assert (message["reason"], message["to"]) == ("default_phone", number)
    dana.settled(message["id"], "delivered")
    assert send(school, dana, number=number, body="Tuesday?").status_code == 303
    texts_to(school, number, 2)
    school.texts(number, ours, "who is this")
    bodies = [m["body"] for m in dana.thread(thread["id"])]
    assert bodies == ["Are you coming?", "Tuesday?", "who is this"]
    with school.browser(dana) as browser:
        assert pretty(number) in browser.get(f"/messages?phone={number[-4:]}").text


def test_a_number_on_record_is_its_owners(school):
    """S4-35, S4-36: the message is the person's, on that phone, however it is written."""
    dana, _ = school.holder()
    maya = school.person("mobile", "mobile")
    for n, typed in enumerate((pretty(maya.numbers[1]), maya.numbers[1], maya.numbers[1][2:])):
        assert send(school, dana, number=typed, body=f"Text {n}").status_code == 303
    found = [(m["person_id"], m["to"], m["reason"]) for m in dana.said_to(maya)]
    assert found == [(maya.id, maya.numbers[1], "chosen_phone")] * 3


def test_of_a_shared_number_somebody_says_who_is_meant(school):
    """S4-35, D6: nobody guesses, and nobody else is meant by a forged answer."""
    dana, _ = school.holder()
    number = new_number()
    ana = school.person(("home", number), ("mobile", new_number()), name="Ana Torres")
    maya = school.person(("mobile", number))
    stranger = school.person("mobile", name="Bo Lind")
    for whose in ({}, {"whose": stranger.id}, {"whose": "x"}, {"whose": 2**70}):
        answer = send(school, dana, number=number, body="Which of you?", **whose)
        assert answer.status_code == 422
        assert "Choose who is meant." in text_of(answer)
        assert "Which of you?" in answer.text
        assert [name in text_of(answer) for name in ("Ana Torres", "Maya Torres")] == [True, True]
    assert dana.said_to(maya) + dana.said_to(ana) + dana.said_to(stranger) == []
    assert send(school, dana, number=number, whose=maya.id).status_code == 303
    assert [m["to"] for m in dana.said_to(maya)] == [number]
    home = send(school, dana, number=number, whose=ana.id)  # of Ana's it is none that is texted
    assert home.status_code == 422
    assert f"{pretty(number)} cannot be texted" in text_of(home)


def test_the_first_text_to_a_number_says_who_writes(school):
    """D43"""
    dana, _ = school.holder()
    school.settings(first_contact=LINE)
    number = new_number()
    for body in ("Hello", "Hello again"):
        assert send(school, dana, number=number, body=body).status_code == 303
    bodies = [text["body"] for text in texts_to(school, number, 2)]
    assert bodies == [f"Hello\n{LINE}", "Hello again"]


# Consent


NOT_OPTED_IN = "people here get texts only after opting in, and this number has not"


def test_without_consent_nothing_is_sent_and_nothing_stored(school):
    """S4-36, S4-37, D8, D40: the warning stands at the number; who wrote first may be texted
    (D17), who said STOP may not (D14)."""
    dana, ours = school.holder()
    school.settings(student_default="opted_out")
    cold, warm, gone = new_number(), new_number(), new_number()
    before = (stored(school, Message), stored(school, Conversation), stored(school, ContactNumber))
    answer = send(school, dana, number=cold, body="A careful text")
    assert answer.status_code == 409
    assert f"{pretty(cold)} cannot be texted: {NOT_OPTED_IN}." in text_of(answer)
    assert (field(answer, "number"), "A careful text" in answer.text) == (cold, True)
    after = (stored(school, Message), stored(school, Conversation), stored(school, ContactNumber))
    assert after == before
    school.texts(warm, ours, "hi, it is me")
    assert send(school, dana, number=warm).status_code == 303
    assert texts_to(school, warm)[0]["body"] == "Hello"
    school.texts(gone, ours, "hello")
    school.texts(gone, ours, "STOP")
    answer = send(school, dana, number=gone)
    assert answer.status_code == 409
    assert f"{pretty(gone)} cannot be texted: this number opted out of texts." in text_of(answer)
    assert school.ledger(gone) == []


def test_what_would_happen_is_said_while_it_is_filled_in(school):
    """S4-36, S4-37, S4-40, D43: by the rules that send it; looking changes nothing."""
    dana, ours = school.holder()
    school.settings(first_contact=LINE)
    maya = school.person("mobile", "home")
    school.set_status(maya, 1, "disabled")
    number = new_number()
    before = stored(school, ContactNumber)
    with school.browser(dana) as browser:
        ask = partial(browser.post, "/messages/new/route")
        assert "Type the number first." in text_of(ask(data={"body": "x" * 170}))
        assert "2 texts , 136 left" in text_of(ask(data={"body": "x" * 170}))
        found = text_of(ask(data={"number": pretty(number), "body": "x"}))
        assert f"Text to {pretty(number)} from your number {pretty(ours)}" in found
        assert LINE in found
        assert "Write the number with digits" in text_of(ask(data={"number": "+++", "body": "x"}))
        found = text_of(ask(data={"number": maya.numbers[0]}))
        assert "On record for Maya Torres" in found
        found = text_of(ask(data={"number": maya.numbers[1]}))
        assert f"{pretty(maya.numbers[1])} cannot be texted" in found
        assert "Other ways to reach Maya Torres" in found
        disabled = ask(data={"number": maya.numbers[1]}).text.partition("data-send")[2]
        assert "disabled" in disabled.partition(">")[0]
    assert stored(school, ContactNumber) == before


# A person


def test_to_a_person_by_the_phone_that_is_chosen(school):
    """S4-32..S4-37, D11: the one that is taken stands first; one without consent is refused, also
    to a forged form, and so is somebody else's."""
    dana, _ = school.holder()
    maya, bo = school.person("mobile", "home"), school.person("mobile", name="Bo Lind")
    school.set_status(maya, 1, "disabled")
    path = f"/messages/new?person={maya.id}"
    mobile, home = (pretty(number) for number in maya.numbers)
    with school.browser(dana) as browser:
        page = browser.get(path).text
    options = re.findall(r'<option value="(\d*)" (selected)?>([^<]*)<', page)
    assert options == [
        ("", "selected", f"{mobile}, mobile, SMS Default"),
        (str(maya.phone_ids[1]), "", f"{home}, home, SMS Disabled"),
    ]
    assert send(school, dana, path, body="One").status_code == 303
    assert send(school, dana, path, body="Two", phone_id=maya.phone_ids[0]).status_code == 303
    refused = send(school, dana, path, body="Three", phone_id=maya.phone_ids[1])
    assert refused.status_code == 422
    assert f"{home} cannot be texted" in text_of(refused)
    theirs = send(school, dana, path, body="Four", phone_id=bo.phone_ids[0])
    assert theirs.status_code == 422
    assert "This person has no such phone." in text_of(theirs)
    found = [(m["body"], m["to"], m["reason"]) for m in dana.said_to(maya)]
    first = maya.numbers[0]
    assert found == [("One", first, "default_phone"), ("Two", first, "chosen_phone")]


def test_who_cannot_be_texted_gets_an_email_and_the_sender_is_told(school):
    """D10, D40, S4-37: the warning at each phone; without an address nothing can go."""
    dana, ours = school.holder()
    tomas = school.person("mobile", name="Tomás Herrera")
    devon = school.person(name="Devon Lee", email=None)
    school.texts(tomas.numbers[0], ours, "STOP")
    path = f"/messages/new?person={tomas.id}"
    with school.browser(dana) as browser:
        page = browser.get(path)
        warning = f"{pretty(tomas.numbers[0])} cannot be texted: Tomás opted out of texts."
        assert warning in text_of(page)
        assert "Send email" in text_of(page)
        assert "None on record" in text_of(browser.get(f"/messages/new?person={devon.id}"))
    answer = send(school, dana, path, headers=DIALOG)
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["text"] == "The message to Tomás Herrera goes by email."
    assert [m["channel"] for m in dana.said_to(tomas) if m["direction"] == "outbound"] == ["email"]
    answer = send(school, dana, f"/messages/new?person={devon.id}", headers=DIALOG)
    toast = json.loads(answer.headers["HX-Trigger"])["toast"]
    assert toast["text"] == "The message to Devon Lee was not sent. Its row says why."


# What is confirmed


def test_the_window_stays_or_closes(school):
    """S4-43, S4-44, S4-48, S4-49: with script and without; the next form sends another message."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    path = f"/messages/new?person={maya.id}"
    with school.browser(dana) as browser:
        closes = browser.post(path, data={"body": "One"})
        assert closes.headers["Location"] == "/messages"
        page = browser.get("/messages")
        assert "Text to Maya Torres is queued." in text_of(page)
        one = dana.said_to(maya)[-1]["id"]
        assert f'<a class="link" href="/messages/{one}"' in page.text
        stays = browser.post(path, data={"body": "Two", "keep": "yes"})
        two = dana.said_to(maya)[-1]["id"]
        location = html.unescape(stays.headers["Location"])
        assert location == f"/messages/new?person={maya.id}&keep=yes&sent={two}"
        plain = browser.get(location)
        in_dialog = browser.post(path, data={"body": "Three", "keep": "yes"}, headers=DIALOG)
        three = dana.said_to(maya)[-1]["id"]
        for answer, message in ((plain, two), (in_dialog, three)):
            assert answer.status_code == 200
            assert "Text to Maya Torres" in text_of(answer)
            assert f'href="/messages/{message}"' in answer.text
            assert re.search(r'name="keep" value="yes" checked', answer.text)
            assert re.search(r"<textarea[^>]*></textarea>", answer.text)
        assert "<html" not in in_dialog.text
        assert field(plain, "key") != field(in_dialog, "key")
        done = browser.post(path, data={"body": "Four"}, headers=DIALOG)
        four = dana.said_to(maya)[-1]["id"]
        assert (done.status_code, done.text) == (204, "")
        toast = {"text": "Text to Maya Torres is queued.", "see": f"/messages/{four}"}
        assert json.loads(done.headers["HX-Trigger"]) == {"toast": toast}
        free = browser.post(
            "/messages/new", data={"body": "Five", "number": new_number(), "keep": "yes"}
        )
        page = browser.get(html.unescape(free.headers["Location"]))
        assert field(page, "number") == ""
        dana.settled(four, "delivered")
        assert "Delivered" in text_of(browser.get(f"/messages/{four}/sent"))


# Once


def test_a_form_is_sent_once(school):
    """U1, I8: however often and at once; changed after Back it is a text of its own, when somebody
    says so again."""
    school.pool(2)
    dana, kim = school.member(), school.member(name="Kim Alvarez")
    number = new_number()
    with school.browser(dana) as browser:
        once = partial(
            browser.post, "/messages/new", data={"body": "Hello", "number": number, "key": "k-1"}
        )
        answers = at_once(*[once] * 6)
        assert {answer.status_code for answer in answers} == {303}
        changed = {"body": "Hello you", "number": number, "key": "k-1"}
        refused = browser.post("/messages/new", data=changed)
        assert refused.status_code == 409
        assert "This form has sent another text already." in text_of(refused)
        changed["key"] = field(refused, "key")
        assert changed["key"] not in ("", "k-1")
        assert browser.post("/messages/new", data=changed).status_code == 303
    assert send(school, kim, number=number, key="k-1").status_code == 303
    bodies = sorted(text["body"] for text in texts_to(school, number, 3))
    assert bodies == ["Hello", "Hello", "Hello you"]
    assert [len(m.conversations()) for m in (dana, kim)] == [1, 1]


def test_whose_it_has_become_meanwhile_is_not_passed_over(school):
    """D5: what is somebody's by now is not written to as nobody's."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    asking = school.viewer(dana, [Can.TEXT_START, Can.TEXT_REPLY])
    with school.app.app_context():
        with pytest.raises(Conflict) as refused:
            sending.to_number(asking, maya.numbers[0], Draft("Hello"))
        db.session.remove()
    assert refused.value.code == "known_already"
    assert dana.said_to(maya) == []
