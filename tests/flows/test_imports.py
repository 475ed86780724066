"""Imports: files of people become people, again and again (S3-60, S3-68, D14, C6-C18)."""

import csv
import io

from tests.imports import HEAD, imported, line, numbers, one, person, rows
from tests.school import new_number


def test_people_are_made_changed_and_left_alone(school):
    mobile, home = new_number(), new_number()
    text = HEAD + line("N1", mobile=mobile, home=home) + line("N2", "Tomás", "Herrera", "t@x.edu")
    run = imported(school, text)
    assert (run["state"], run["counts"], run["total"]) == ("done", {"created": 2}, 2)
    maya = person(school, "N1")
    assert numbers(maya) == {(mobile, "mobile"), (home, "home")}
    assert (maya["kind"], maya["email"]) == ("student", None)
    assert person(school, "N2")["email"] == "t@x.edu"
    again = imported(school, text)
    assert again["counts"] == {"unchanged": 2}
    other = new_number()
    changed = HEAD + line("N1", "Maia", mobile=other) + line("N2", "Tomás", "Herrera")
    run = imported(school, changed)
    assert run["counts"] == {"changed": 1, "unchanged": 1}
    assert rows(school, run)[0] == (2, "changed", "First name, phones.")
    maya = person(school, "N1")
    assert maya["given_name"] == "Maia"
    assert numbers(maya) == {(other, "mobile"), (home, "home")}  # an empty cell changes nothing
    assert person(school, "N2")["email"] == "t@x.edu"
    found = school.admin().api.get("/people", params={"q": "maia"}).json()["items"]
    assert [each["id"] for each in found] == [maya["id"]]


def test_d14_a_number_added_to_somebody_who_said_stop_is_disabled(school):
    dana, ours = school.holder()
    maya = school.person("mobile", source_id="N1")
    dana.settled(dana.send(maya)["id"], "delivered")
    school.texts(maya.numbers[0], ours, "STOP")
    new = new_number()
    run = imported(school, HEAD + line("N1", home=new))
    assert run["counts"] == {"changed": 1}
    status = {p["number"]: p["sms_status"] for p in person(school, "N1")["phones"]}
    assert status == {maya.numbers[0]: "disabled", new: "disabled"}
    phone = next(p for p in person(school, "N1")["phones"] if p["number"] == new)
    entry = school.admin().api.get(f"/phones/{phone['id']}/consent").json()["items"][0]
    assert entry["reason"] == "added to a person who opted out"


def test_s3_68_numbers_of_prospects_are_verified(school):
    mobile, other = new_number(), new_number()
    text = f"Name,Email,Cell\nMaya Torres,maya@x.edu,{mobile}\nNoor Haddad,,{other}\n"
    first = imported(school, text, kind="prospect")
    assert first["counts"] == {"created": 2}
    found = school.admin().api.get("/people", params={"number": mobile}).json()["items"]
    [phone] = found[0]["phones"]
    assert (found[0]["kind"], phone["verified_by"]) == ("prospect", school.admin().id)
    assert phone["verified_at"]
    assert imported(school, text, kind="prospect")["counts"] == {"unchanged": 2}
    by_hand = school.person("mobile", kind="prospect")
    phones = school.admin().api.get(f"/people/{by_hand.id}").json()["phones"]
    assert phones[0]["verified_by"] == school.admin().id
    student = imported(school, HEAD + line("N1", mobile=new_number()))
    assert student["counts"] == {"created": 1}
    assert not person(school, "N1")["phones"][0]["verified_at"]


def test_a_row_is_taken_as_a_whole_or_not_at_all(school):
    school.pool(1)
    ours = school.admin().api.get("/numbers").json()["items"][0]["number"]
    good = new_number()
    imported(school, HEAD + line("N1", email="maya@x.edu"))
    bad = (
        *(line("N1", "Other", email="other@x.edu", mobile=good, home="911"),),
        *(line("N2", mobile=ours), line("N3", email="a@b"), "N4,Short\n", line("", "Nobody")),
        *(HEAD, line("N5", '"=HYPERLINK(""x"")"', "@SUM"), line("N6", "", "Torres")),
    )
    run = imported(school, HEAD + "".join(bad))
    assert run["counts"] == {"created": 1, "refused": 6, "skipped": 1}
    said = {at: reason for at, _, reason in rows(school, run)}
    for at, reason in (
        *((2, "Home phone: 911 is an emergency number."), (3, "one of our own numbers")),
        *((4, "Email: This is not"), (5, "This line has 2 cells, the first line has 6.")),
        *((6, "There is no ID."), (7, "repeats the names"), (9, "There is no first name.")),
    ):
        assert reason in said[at]
    assert person(school, "N1")["given_name"] == "Maya"
    assert numbers(person(school, "N1")) == set()
    assert person(school, "N5")["given_name"] == '=HYPERLINK("x")'  # C12
    with school.browser(school.admin()) as browser:
        answer = browser.get(f"/people/import/{run['id']}/export")
        text = answer.content.decode("utf-8-sig")
    table = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert [row["outcome"] for row in table].count("Refused") == 6
    assert '\'=HYPERLINK("x") @SUM' in [row["name"] for row in table]
    assert int(table[0]["line"]) == 2


def test_c7_of_two_lines_about_one_person_the_first_counts(school):
    text = HEAD + line("N1", "Maya") + line("N2", "Noor") + line("N1", "Maia")
    for expected in ({"created": 2, "refused": 1}, {"unchanged": 2, "refused": 1}):
        run = imported(school, text)
        assert run["counts"] == expected
        told = "Line 2 is about the same person. The first one counts."
        assert rows(school, run, outcome="refused") == [(4, "refused", told)]
        assert person(school, "N1")["given_name"] == "Maya"


def test_c9_a_number_of_many_people_is_allowed_and_told(school):
    shared = new_number()
    text = HEAD + "".join(line(f"N{n}", f"P{n}", mobile=shared) for n in range(8))
    run = imported(school, text)
    assert run["counts"] == {"created": 8}
    told = [reason for _, _, reason in rows(school, run)]
    assert told[:5] == [""] * 5
    assert told[7].startswith("8 people have (512)")
    assert "its answers go to the last one texted" in told[7]


def test_only_who_manages_staff_says_whose_students_people_are(school):
    """C18"""
    dana = school.member()
    text = f"ID,First name,Advisor\nN1,Maya,{dana.email}\n"
    manager = school.member("Manager", name="Kim Alvarez")
    body = {"files": [{"text": text}]}
    refused = manager.api.post("/imports", json=body)
    assert refused.status_code == 422
    assert "Your role may not say whose students" in refused.json()["error"]["message"]
    assert imported(school, text)["counts"] == {"created": 1}
    maya = person(school, "N1")
    found = dana.api.get(f"/people/{maya['id']}/advisors").json()["items"]
    assert [advisor["staff_id"] for advisor in found] == [dana.id]
    assert imported(school, text)["counts"] == {"unchanged": 1}
    nobody = imported(school, text.replace(dana.email, "x@y.edu"))
    assert nobody["counts"] == {"refused": 1}
    roles = "ID,First name,Role\nN2,Noor,Administrator\n"
    assert imported(school, roles)["counts"] == {"refused": 1}


def test_programs_name_columns_and_unknown_ones_are_named(school):
    """C6"""
    number = new_number()
    text = f"Nr,Ruf,Funk\nN1,Maya,{number}\n"
    mapping = {"Nr": "source_id", "Ruf": "given_name", "Funk": "mobile"}
    assert imported(school, text, mapping=mapping)["counts"] == {"created": 1}
    body = {"files": [{"text": text}], "mapping": {"Ruff": "given_name"}}
    answer = school.admin().api.post("/imports", json=body)
    assert answer.status_code == 422
    assert "has no column “Ruff”. It has Nr, Ruf, Funk." in answer.json()["error"]["message"]
    key = {"Idempotency-Key": "once"}
    body = {"files": [{"text": text}], "mapping": mapping}
    first, second = (school.admin().api.post("/imports", json=body, headers=key) for _ in "ab")
    assert first.json()["id"] == second.json()["id"]


def test_only_who_may_import_and_only_their_own_institution(school):
    run = imported(school, HEAD + line("N1"), dry_run=True)
    path = f"/people/import/{run['id']}"
    with school.another() as other, other.browser(other.admin()) as browser:
        for method, target in (
            *(("GET", path), ("GET", f"{path}/export"), ("POST", f"{path}/start")),
            *(("POST", f"{path}/try"), ("POST", f"{path}/look"), ("POST", f"{path}/discard")),
            *(("POST", f"{path}/removal"), ("POST", f"{path}/stop")),
        ):
            assert browser.request(method, target).status_code == 404, target
        assert "people.csv" not in browser.get("/people/import").text
    with school.browser(school.member()) as browser:
        assert "people/import" not in browser.get("/people?view=all").text
        for method, target in (("GET", "/people/import"), ("GET", path), ("POST", f"{path}/start")):
            assert browser.request(method, target).status_code == 403, target
    assert one(school, run["id"])["dry_run"]


def test_the_list_of_imports_is_read_page_by_page(school):
    api = school.admin().api
    made = [imported(school, HEAD + line(f"N{n}"), dry_run=True)["id"] for n in range(3)]
    first = api.get("/imports", params={"limit": 2}).json()
    rest = api.get("/imports", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    found = [run["id"] for page in (first, rest) for run in page["items"]]
    assert (found, rest["next_cursor"]) == (made[::-1], None)


def test_who_may_not_import_is_heard_for_a_megabyte(school):
    body = {"files": [{"text": "x" * (2 * 1024 * 1024)}]}
    assert school.member().api.post("/imports", json=body).status_code == 413
    assert school.admin().api.post("/imports", json=body).status_code == 422
