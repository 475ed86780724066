"""The numbers on their page: found and sorted, added, handed on, taken back and retired, each after
a question that says what becomes of the conversations (S1-2, S3-29, S3-34, S3-41, S3-76, S3-78,
D25, D26)."""

import re

from tests.configuring import role
from tests.reading import text_of
from tests.school import new_number


def test_a_number_is_reassigned_with_its_conversations(school):
    """S3-34, S3-76, D25: to whom it may go, and what becomes of the conversations."""
    dana, ours = school.holder()
    imani = school.member(name="Imani Carter")
    responder = school.member("Responder", name="Sam Nowak")
    path = f"/settings/numbers/{school.number(ours)['id']}/reassign"
    with school.browser(school.admin()) as browser:
        asked = browser.get(path)
        told = text_of(asked)
        assert "Held by Dana Whitfield since" in told
        assert "Dana’s 1 open conversation" in told
        offered = set(re.findall(r'<option value="(\d+)"', asked.text))
        assert offered == {str(imani.id), str(school.admin().id)}
        assert browser.post(path, data={"conversations": "move"}).status_code == 422
        refused = browser.post(path, data={"staff_id": responder.id, "conversations": "move"})
        assert refused.status_code == 403
        assert "Sam Nowak has no role that may hold a number." in text_of(refused)
        done = browser.post(path, data={"staff_id": imani.id, "conversations": "move"})
        assert done.status_code == 303
        page = text_of(browser.get("/settings/twilio"))
    assert "Imani Carter Advisor" in page
    assert school.number(ours)["staff_id"] == imani.id
    assert len(imani.conversations()) == 1
    assert dana.conversations() == []


def test_kept_conversations_stay_with_the_old_holder(school):
    dana, ours = school.holder()
    imani = school.member(name="Imani Carter")
    path = f"/settings/numbers/{school.number(ours)['id']}/reassign"
    with school.browser(school.admin()) as browser:
        form = {"staff_id": imani.id, "conversations": "keep"}
        assert browser.post(path, data=form).status_code == 303
    assert len(dana.conversations()) == 1
    assert imani.conversations() == []


def test_an_assignment_is_deleted_and_a_number_retired_only_when_asked(school):
    """S3-78, D26"""
    _, ours = school.holder()
    number = school.number(ours)["id"]
    with school.browser(school.admin()) as browser:
        question = text_of(browser.get(f"/settings/numbers/{number}/release"))
        assert "leaves Dana Whitfield for good and becomes free" in question
        assert "Dana’s 1 conversation stays readable" in question
        assert school.number(ours)["status"] == "assigned"
        assert browser.post(f"/settings/numbers/{number}/release").status_code == 303
        assert school.number(ours)["status"] == "available"
        assert browser.post(f"/settings/numbers/{number}/release").status_code == 409
        assert browser.get(f"/settings/numbers/{number}/release").status_code == 404
        assert browser.get(f"/settings/numbers/{number}/retire").status_code == 200
        assert browser.post(f"/settings/numbers/{number}/retire").status_code == 303
        assert "1 retired" in text_of(browser.get("/settings/twilio?show=retired"))
    assert school.number(ours)["status"] == "retired"


def test_numbers_are_added_together_or_not_at_all(school):
    """Each wrong one is named (S1-2)."""
    (known,) = school.pool(1)
    new = [new_number() for _ in range(2)]
    for number in new:
        school.carrier.number(school.account_sid, number)
    stranger = new_number()
    with school.browser(school.admin()) as browser:
        path = "/settings/numbers/add"
        typed = [*new, "555", "911"]
        bad = browser.post(path, data={"numbers": "\r\n".join(typed)})
        assert bad.status_code == 422
        assert "555" in text_of(bad)
        assert "911 is an emergency number." in text_of(bad)
        assert all(number in bad.text for number in typed)
        foreign = browser.post(path, data={"numbers": f"{new[0]}\n{stranger}"})
        assert foreign.status_code == 422
        assert f"{stranger} does not belong to the provider account." in text_of(foreign)
        twice = browser.post(path, data={"numbers": f"{new[0]}\n{known}"})
        assert (twice.status_code, "is in a pool already" in text_of(twice)) == (409, True)
        assert browser.post(path, data={"numbers": " \n"}).status_code == 422
        assert school.usage()["numbers"]["available"] == 1
        assert browser.post(path, data={"numbers": "\n\n".join(new)}).status_code == 303
    assert school.usage()["numbers"]["available"] == 3


def test_the_grid_is_found_sorted_and_linked(school):
    """S3-29, S3-41: search and order are in the address."""
    numbers = school.pool(3)
    for name in ("Ana Ruiz", "Bo Lind", "Cy Park"):
        school.member(name=name).send(school.person("mobile"))

    def names(browser, query):
        return re.findall(r'class="who">([^<]+)<', browser.get(f"/settings/twilio?{query}").text)

    with school.browser(school.admin()) as browser:
        assert names(browser, "") == ["Cy Park", "Bo Lind", "Ana Ruiz"]
        assert names(browser, "sort=person") == ["Ana Ruiz", "Bo Lind", "Cy Park"]
        assert names(browser, "sort=number&order=down") == ["Cy Park", "Bo Lind", "Ana Ruiz"]
        assert names(browser, "q=bo+li") == ["Bo Lind"]
        assert names(browser, f"q=({numbers[2][2:5]})+{numbers[2][5:8]}-{numbers[2][8:]}") == [
            "Cy Park"
        ]
        assert names(browser, "q=%25&sort=nothing&order=") == []
        assert names(browser, "show=free") == []
        assert browser.get("/settings/twilio?q=%00&show=x&sort=").status_code == 200


def test_anothers_numbers_are_not_there(school):
    """D1, D3"""
    (only,) = school.pool(1)
    number = school.number(only)["id"]
    acts = [f"/settings/numbers/{number}/{act}" for act in ("reassign", "release", "retire")]
    with school.another() as other, other.browser(other.admin()) as browser:
        for path in acts:
            assert browser.get(path).status_code == 404
            assert browser.post(path, data={"staff_id": other.admin().id}).status_code == 404
    registrar = school.member(role(school, "Registrar", "settings.edit"))
    with school.browser(registrar) as browser:
        for path in (*acts, "/settings/numbers/add"):
            assert browser.post(path).status_code == 403
        page = browser.get("/settings/twilio")
        assert (page.status_code, "Phone Number Usage" in page.text) == (200, False)
    porter = school.member(role(school, "Porter", "numbers.manage", "people.read"))
    with school.browser(porter) as browser:
        assert browser.get("/settings").headers["Location"] == "/settings/twilio"
        assert browser.get("/settings/email").status_code == 403
        assert "Phone Number Usage" in browser.get("/settings/twilio").text
    assert school.number(only)["status"] == "available"
