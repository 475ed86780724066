"""Imports remove whoever is missing, after a question, and bring them back (D22, C15)."""

import html
from datetime import timedelta

from app import clock
from tests.imports import HEAD, answered, imported, line, one, person, rows, settled


def test_s3_60_an_import_touches_no_status(school):
    """D22: not of a number that is disabled, or enabled, and not of one that comes back."""
    maya = school.person("mobile", "home", source_id="N1")
    school.set_status(maya, 0, "disabled")
    school.set_status(maya, 1, "enabled")
    mobile, home = maya.numbers
    imported(school, HEAD + line("N1", mobile=home, home=mobile))
    assert school.phone_status(maya) == ["disabled", "enabled"]
    text = HEAD + line("N1", mobile=mobile)
    shared = imported(school, text + line("N2", "Noor", mobile=mobile))
    assert shared["counts"]["created"] == 1
    status = {p["number"]: p["sms_status"] for p in person(school, "N2")["phones"]}
    assert status == {mobile: "disabled"}
    empty = HEAD + line("N9", "Somebody")
    run = imported(school, empty, remove_missing=True)
    assert (run["state"], run["leaving"]) == ("asking", 2)
    answered(school, run, remove=True, count=2)
    assert person(school, "N1") is None
    imported(school, text)
    back = person(school, "N1")
    assert back["id"] == maya.id
    status = {p["number"]: p["sms_status"] for p in back["phones"]}
    assert status == {mobile: "disabled", home: "enabled"}  # every number that went


def test_a_dry_run_tells_and_changes_nothing(school):
    imported(school, HEAD + line("N1"))
    text = HEAD + line("N1", "Maia") + line("N2") + line("N3", home="911")
    run = imported(school, text, dry_run=True, remove_missing=True)
    assert run["counts"] == {"changed": 1, "created": 1, "refused": 1}
    assert (run["dry_run"], run["leaving"]) == (True, 0)
    assert person(school, "N2") is None
    assert person(school, "N1")["given_name"] == "Maya"
    started = school.admin().api.post(f"/imports/{run['id']}/start", json={})
    assert started.status_code == 200, started.text
    done = settled(school, run["id"])
    assert (done["dry_run"], done["counts"]) == (False, run["counts"])
    assert person(school, "N1")["given_name"] == "Maia"
    again = school.admin().api.post(f"/imports/{run['id']}/start", json={})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "import_started")


def test_c15_removing_more_than_a_fifth_is_asked_about(school):
    imported(school, HEAD + "".join(line(f"N{n}", f"P{n}") for n in range(10)))
    by_hand = school.person("mobile", name="By Hand")
    few = HEAD + "".join(line(f"N{n}", f"P{n}") for n in range(8))
    run = imported(school, few, remove_missing=True)
    assert (run["state"], run["leaving"], run["counts"]["removed"]) == ("done", 2, 2)
    assert person(school, "N9") is None
    fewer = HEAD + line("N0", "P0") + line("N1", "P1", mobile="911")
    run = imported(school, fewer, remove_missing=True)
    assert (run["state"], run["leaving"], run["of"]) == ("asking", 6, 8)  # a refused line is there
    assert person(school, "N7")
    for wrong in ({"remove": True, "count": 5}, {"remove": True}):
        answer = school.admin().api.post(f"/imports/{run['id']}/removal", json=wrong)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "other_number")
    kept = answered(school, run, remove=False)
    assert (kept["state"], kept["counts"]) == ("done", {"unchanged": 1, "refused": 1, "skipped": 6})
    assert person(school, "N7")
    run = answered(school, imported(school, fewer, remove_missing=True), remove=True, count=6)
    assert run["counts"] == {"unchanged": 1, "refused": 1, "removed": 6}
    assert person(school, "N7") is None
    assert (0, "removed", "Not in the file.") in rows(school, run)
    assert school.admin().api.get(f"/people/{by_hand.id}").json()["phones"]


def test_whoever_is_removed_gets_nothing_any_more(school):
    dana, _ = school.holder()
    maya = school.person("mobile", source_id="N1")
    dana.settled(dana.send(maya)["id"], "delivered")
    soon = (clock.now() + timedelta(days=3)).isoformat()
    later = dana.send(maya, "On Tuesday", send_at=soon)
    run = imported(school, HEAD + line("N2"), remove_missing=True)
    answered(school, run, remove=True, count=1)
    told = dana.message(later["id"])
    assert (told["status"], told["error"]["code"]) == ("canceled", "person_removed")
    route = dana.route(maya)
    assert (route["channel"], route["reason"]) == ("email", "no_phone")
    with school.browser(dana) as browser:
        page = html.unescape(browser.get(f"/people/{maya.id}").text)
        assert "removed by an import" in page
    assert len(dana.said_to(maya)) == 2
    put = {"given_name": "Maya", "family_name": "Torres"}
    assert school.admin().api.put("/people/by-source/N1", json=put).status_code == 200
    assert person(school, "N1")["id"] == maya.id


def test_the_question_and_a_dry_run_name_who_would_go(school):
    """C15, on the page, in the API and in the file that is taken away; and who said yes."""
    imported(school, HEAD + "".join(line(f"N{n}", f"P{n}") for n in range(5)))
    few = HEAD + line("N0", "P0") + line("", "Nobody")
    tried = imported(school, few, remove_missing=True, dry_run=True)
    assert (tried["leaving"], tried["of"], tried["counts"]["leaving"]) == (4, 5, 4)
    asked = imported(school, few, remove_missing=True)
    listed = [(0, "leaving", "Not in the file.")] * 4
    assert (
        rows(school, tried, outcome="leaving") == rows(school, asked, outcome="leaving") == listed
    )
    path = f"/people/import/{asked['id']}"
    with school.browser(school.admin()) as browser:
        page = html.unescape(browser.get(f"/people/import/{tried['id']}?show=leaving").text)
        assert "4 of 5 people would be removed" in page
        assert "P4 Torres" in page
        page = html.unescape(browser.get(path).text)
        for said in ("Remove 4 of 5 people?", "more than a fifth", "have no ID", "P4 Torres"):
            assert said in page
        assert "P4 Torres" in browser.get(f"{path}/export").text
        assert (
            browser.post(f"{path}/removal", data={"remove": "yes", "count": 4}).status_code == 303
        )
        assert settled(school, asked["id"])["counts"]["removed"] == 4
        log = html.unescape(browser.get("/audit", params={"kind": "people"}).text)
        assert "had 4 people removed who are not in people.csv" in log
    assert one(school, asked["id"])["state"] == "done"
    assert person(school, "N4") is None
