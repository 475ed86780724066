"""Send SMS, to whom it is refused and what: who may not start, whose people are not there, and what
is wrong with a number or a text; and standard texts as they are picked there (S4-28, S4-38, S4-39,
S4-45, S4-47, D3, D41). What is sent is in tests/flows/test_send_sms.py."""

import html
import re

import pytest

from tests.provider import row_counts
from tests.reading import text_of
from tests.school import new_number

DIALOG = {"HX-Request": "true"}


@pytest.mark.parametrize("role", ["Responder", "Auditor"])
def test_who_may_not_start_has_no_button_and_no_way_round(school, role):
    """S4-28, D3, D41"""
    school.pool(1)
    member, maya = school.member(role), school.person("mobile")
    number = new_number()
    with school.browser(member) as browser:
        page = browser.get("/messages")
        assert page.status_code == 200
        assert "/messages/new" not in page.text
        for path in ("/messages/new", f"/messages/new?person={maya.id}", "/messages/new?pick=1"):
            assert browser.get(path).status_code == 403
            assert browser.post(path, data={"body": "Hi", "number": number}).status_code == 403
        asked = browser.post("/messages/new/route", data={"number": maya.numbers[0]})
        assert asked.status_code == 403
        assert "Maya" not in asked.text
        assert browser.get(f"/texts/picker?number={number}").status_code == 403
    assert (school.ledger(number), school.ledger(maya.numbers[0])) == ([], [])


def test_another_institutions_people_and_messages_are_not_there(school):
    dana, _ = school.holder()
    maya = school.person("mobile")
    sent = dana.send(maya)["id"]
    with school.another() as elsewhere:
        kim, _ = elsewhere.holder("Kim Alvarez")
        with elsewhere.browser(kim) as browser:
            for path in (f"/messages/new?person={maya.id}", "/messages/new?person=99999999"):
                assert browser.get(path).status_code == 404
                assert browser.post(path, data={"body": "Hi"}).status_code == 404
            assert browser.get(f"/messages/{sent}/sent").status_code == 404
            assert "Maya" not in browser.get(f"/messages/new?sent={sent}").text
            assert "Maya" not in browser.get("/messages/new?pick=1&q=maya").text
            answer = browser.post("/messages/new/route", data={"number": maya.numbers[0]})
            assert "Maya" not in answer.text  # there it is nobody's
    with school.browser(school.member(name="Sam Lee")) as browser:  # and a colleague's is not Sam's
        assert browser.get(f"/messages/{sent}/sent").status_code == 404


@pytest.mark.parametrize(
    ("form", "problem"),
    [
        ({"number": ""}, "Type the number first."),
        ({"number": "\x00 "}, "Type the number first."),
        ({"number": "maya"}, "Write the number with digits"),
        ({"number": "911"}, "911 is an emergency number."),
        ({"number": "512555"}, "has too many or too few digits"),
        ({"number": "9" * 5000}, "is not a phone number"),
        ({"number": "(512) 555-0147 ext. 3"}, "Leave the extension out."),
        ({"number": "ours"}, "This is one of our own numbers."),
        ({"body": ""}, "Write a message first."),
        ({"body": " \u200b\n"}, "Write a message first."),
        ({"body": "a" * 1001}, "The message has 1,001 characters; 1,000 is the most."),
        ({"body": "bell \x07"}, "control characters"),
        ({"body": "Hi {first_name}"}, "Fill in {first_name} first"),
    ],
)
def test_bad_input_is_said_at_its_field(school, form, problem):
    """S4-38, S4-39, A10, A11: nothing is sent, and what was typed is kept."""
    dana, ours = school.holder()
    if form.get("number") == "ours":
        form = {"number": ours}
    form = {"number": new_number(), "body": "Kept as it is", **form}
    with school.browser(dana) as browser:
        before = row_counts(school)
        answer = browser.post("/messages/new", data=form)
        dialog = browser.post("/messages/new", data=form, headers=DIALOG)
    for found in (answer, dialog):
        assert found.status_code == 422
        assert problem in text_of(found)
        assert 'role="alert"' in found.text
        kept = html.unescape(re.findall(r"<textarea[^>]*>([^<]*)</textarea>", found.text)[0])
        assert kept == form["body"].replace("\x00", "")
    assert row_counts(school) == before


def test_standard_texts_are_filled_for_who_has_the_number(school):
    """S4-45, S4-47: where that is one person; else what is missing is said."""
    dana, _ = school.holder()
    kept = {"title": "Hi", "body": "Hi {first_name}"}
    assert dana.api.post("/standard-texts", json=kept).status_code == 201
    maya, number = school.person("mobile"), new_number()
    school.person(("mobile", number)), school.person(("mobile", number), name="Ana Torres")
    table = [(maya.numbers[0], "Hi Maya"), (number, "Hi {first_name}"), ("nonsense", "{first_name")]
    with school.browser(dana) as browser:
        for typed, expected in table:
            assert expected in browser.get("/texts/picker", params={"number": typed}).text
        whose = {"number": number, "whose": maya.id}
        assert "Hi Maya" in browser.get("/texts/picker", params=whose).text
        assert browser.get("/texts/picker").status_code == 404
