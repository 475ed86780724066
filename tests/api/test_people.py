"""People, their phones, consent by hand, and the dry run."""

from functools import partial

import httpx
import pytest

from tests.school import at_once, new_number


def test_a_person_is_made_found_and_changed(school):
    api, number = school.admin().api, new_number()
    given = {
        "kind": "guardian",
        "given_name": "Ana",
        "family_name": "Ruiz",
        "email": "Ana@Ruiz.example",
        "source_id": "G-7",
        "timezone": "America/Denver",
    }
    made = api.post("/people", json={**given, "phones": [{"number": number, "type": "home"}]})
    assert made.status_code == 201
    ana = made.json()
    (phone,) = ana.pop("phones")
    state = {"opted_out": False, "merged_into": None}
    assert ana == {**given, "id": ana["id"], "email": "ana@ruiz.example", **state}
    assert phone == {
        "id": phone["id"],
        "number": number,
        "type": "home",
        "sms_status": "default",
        "verified_at": None,
        "verified_by": None,
        "text_msg_only": False,
    }
    for query in ({"q": "ana ru"}, {"q": number[-4:]}, {"source_id": "G-7"}, {"number": number}):
        assert [p["id"] for p in api.get("/people", params=query).json()["items"]] == [ana["id"]]
    changed = api.patch(f"/people/{ana['id']}", json={"email": None, "kind": "student"})
    assert changed.status_code == 200
    assert (changed.json()["email"], changed.json()["kind"]) == (None, "student")
    assert changed.json()["given_name"] == "Ana"
    assert api.get(f"/people/{ana['id']}").json() == changed.json()


def test_a_source_id_belongs_to_one_person(school):
    api = school.admin().api
    first = school.person(source_id="S1")
    answer = api.post("/people", json={"given_name": "Twin", "source_id": "S1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "exists")
    other = school.person()
    assert api.patch(f"/people/{other.id}", json={"source_id": "S1"}).status_code == 409
    assert api.get(f"/people/{first.id}").json()["source_id"] == "S1"


def test_an_upsert_makes_changes_and_never_touches_consent(school):
    """S3-60, D22"""
    api, kept, gone = school.admin().api, new_number(), new_number()
    path = "/people/by-source/A%2F12"
    body = {
        "given_name": "Li",
        "family_name": "Wei",
        "phones": [{"number": n} for n in (kept, gone)],
    }
    made = api.put(path, json=body).json()
    assert made["source_id"] == "A/12"
    phone = made["phones"][0]["id"]
    set_ = api.post(f"/phones/{phone}/consent", json={"status": "disabled", "reason": "asked"})
    assert set_.json()["sms_status"] == "disabled"

    again = api.put(path, json={**body, "given_name": "Lea", "phones": [{"number": kept}]}).json()
    assert (again["id"], again["given_name"]) == (made["id"], "Lea")
    assert [(p["number"], p["sms_status"]) for p in again["phones"]] == [(kept, "disabled")]
    left = api.put(path, json={"given_name": "Lea", "family_name": "Wei"}).json()
    assert left["phones"] == again["phones"]
    back = api.put(path, json=body).json()
    assert {p["number"]: p["sms_status"] for p in back["phones"]}[kept] == "disabled"


def test_two_first_upserts_of_one_person_both_succeed(school):
    """Contract 4: whoever comes second changes what the first has made, without a 409"""
    api, number = school.admin().api, new_number()

    def put(given: str) -> httpx.Response:
        body = {"given_name": given, "family_name": "Wei", "phones": [{"number": number}]}
        return api.put("/people/by-source/B7", json=body)

    for answers in (at_once(*[partial(put, f"Li{n}") for n in range(6)]) for _ in range(2)):
        assert {answer.status_code for answer in answers} == {200}, [a.text for a in answers]
        assert len({answer.json()["id"] for answer in answers}) == 1
        assert {len(answer.json()["phones"]) for answer in answers} == {1}
    (found,) = api.get("/people", params={"source_id": "B7"}).json()["items"]
    assert found["given_name"] in {f"Li{n}" for n in range(6)}


def test_people_are_listed_by_name_page_by_page(school):
    for name in ("Bo Zed", "Al Abe", "Cy Abe", "Al Abe"):
        school.person(name=name)
    api, seen, cursor = school.admin().api, [], None
    while True:
        params = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = api.get("/people", params=params).json()
        assert len(page["items"]) <= 2
        seen += [f"{p['given_name']} {p['family_name']}" for p in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert seen == ["Al Abe", "Al Abe", "Cy Abe", "Priya Shah", "Bo Zed"]


def test_the_number_of_a_member_of_staff_is_on_their_record(school):
    """S3-31, S3-33"""
    (ours,) = school.pool(1)
    dana = school.member(name="Dana Reed")
    dana.send(school.person("mobile"))
    (record,) = school.admin().api.get("/people", params={"q": "dana"}).json()["items"]
    (phone,) = record["phones"]
    assert (phone["number"], phone["type"], phone["text_msg_only"]) == (ours, "system", True)


NUMBERS = ["911", "+19005550123", "+1512555", "words", "1" * 20, "512 555 0147 x5", "", "+٣٤"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_that_cannot_be_texted_is_no_phone(number, quiet):
    """A10"""
    body = {"given_name": "Pat", "phones": [{"number": number}]}
    answer = quiet.admin().api.post("/people", json=body)
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert error["code"] == "invalid_number"
    assert [problem["field"] for problem in error["fields"]] == ["phones.0.number"]


def test_our_own_number_is_nobodys_phone(school):
    """A10, D8"""
    (ours,) = school.pool(1)
    pat = school.person()
    for body in ({"number": ours}, {"number": new_number(), "type": "system"}):
        assert school.admin().api.post(f"/people/{pat.id}/phones", json=body).status_code == 422


def test_a_phone_is_added_verified_and_removed(school):
    """S3-67"""
    admin, pat = school.admin(), school.person()
    phone = admin.api.post(
        f"/people/{pat.id}/phones", json={"number": new_number(), "type": "work"}
    )
    assert phone.status_code == 201
    path = f"/phones/{phone.json()['id']}"
    stamped = admin.api.patch(path, json={"verified": True, "type": "mobile"}).json()
    assert (stamped["type"], stamped["verified_by"]) == ("mobile", admin.id)
    assert stamped["verified_at"].endswith("Z")
    assert admin.api.patch(path, json={}).json() == stamped
    assert admin.api.patch(path, json={"type": None}).status_code == 422
    assert admin.api.patch(path, json={"verified": False}).json()["verified_at"] is None
    assert admin.api.delete(path).status_code == 204
    assert admin.api.delete(path).status_code == 404
    assert admin.api.get(f"/people/{pat.id}").json()["phones"] == []


def test_consent_by_hand_needs_a_reason_and_leaves_a_line(school):
    """S3-11, S3-46, D13"""
    admin, maya = school.admin(), school.person("mobile")
    path = f"/phones/{maya.phone_ids[0]}/consent"
    for reason in ("", "  "):
        wrong = admin.api.post(path, json={"status": "enabled", "reason": reason})
        assert wrong.status_code == 422
        assert wrong.json()["error"]["fields"][0]["field"] == "reason"
    for status in ("enabled", "enabled", "disabled", "default"):
        answer = admin.api.post(path, json={"status": status, "reason": f"to {status}"})
        assert (answer.status_code, answer.json()["sms_status"]) == (200, status)
    first = admin.api.get(path, params={"limit": 2}).json()
    rest = admin.api.get(path, params={"cursor": first["next_cursor"]}).json()
    entries = first["items"] + rest["items"]
    assert [(e["from_status"], e["to_status"], e["reason"]) for e in entries] == [
        ("disabled", "default", "to default"),
        ("enabled", "disabled", "to disabled"),
        ("default", "enabled", "to enabled"),
    ]
    assert {e["staff_id"] for e in entries} == {admin.id}
    assert rest["next_cursor"] is None


def test_the_dry_run_says_what_would_happen_and_changes_nothing(school):
    """Contract 4: GET people/ID/route"""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile", "home")
    seq = dana.api.get("/events", params={"after": 2**62}).json()["seq"]
    text = dana.route(maya, body="é" * 200)
    assert {k: text[k] for k in ("channel", "reason", "phone", "sender", "segments")} == {
        "channel": "sms",
        "reason": "default_phone",
        "phone": maya.numbers[0],
        "sender": ours,
        "segments": 2,
    }
    assert [step["rule"] for step in text["steps"]] == [
        "texting",
        "phone",
        "carrier",
        "number",
        "limit",
    ]
    assert all(step["result"].endswith(".") for step in text["steps"])
    assert dana.api.get("/events", params={"after": seq}).json()["items"] == []
    assert school.usage()["numbers"] == {"assigned": 0, "limit": None, "available": 1}

    home = dana.api.get(f"/people/{maya.id}/route", params={"phone_id": maya.phone_ids[1]})
    assert (home.status_code, home.json()["error"]["code"]) == (422, "no_textable_phone")
    email = dana.route(school.person(name="No Phone"))
    assert (email["channel"], email["reason"], email["phone"]) == ("email", "no_phone", None)
    nothing = dana.route(school.person(name="No Way", email=None))
    assert (nothing["channel"], nothing["reason"]) == ("none", "no_phone")
