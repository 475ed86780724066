"""Imports: files of people, from the page, the API and the worker, tried and done, again and again
(S3-60, S3-68, D22, F61, C1-C18)."""

import csv
import html
import io
import re
import zipfile
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.database import db
from app.models import AuditEntry, ImportPart, ImportRun, ImportState
from app.services import import_runs, importing
from app.services.import_runs import By, Choice
from tests.helpers import until
from tests.school import new_number

HEAD = "ID,First name,Last name,Email,Mobile phone,Home phone\n"
OVER = ("done", "asking", "failed")


def imported(school, text, member=None, files=None, **choice):
    """What became of this file, once something has."""
    api = (member or school.admin()).api
    given = files or {"people.csv": text}
    body = {"files": [{"name": name, "text": said} for name, said in given.items()], **choice}
    answer = api.post("/imports", json=body)
    assert answer.status_code == 201, answer.text
    return settled(school, answer.json()["id"])


def settled(school, import_id):
    return until(lambda: (found := one(school, import_id))["state"] in OVER and found)


def one(school, import_id):
    return school.admin().api.get(f"/imports/{import_id}").json()


def rows(school, run, **query):
    answer = school.admin().api.get(f"/imports/{run['id']}/rows", params={"limit": 200, **query})
    return [(row["line"], row["outcome"], row["reason"]) for row in answer.json()["items"]]


def person(school, source_id):
    found = school.admin().api.get("/people", params={"source_id": source_id}).json()["items"]
    return found[0] if found else None


def numbers(found):
    return {(phone["number"], phone["type"]) for phone in found["phones"]}


def line(source_id, first="Maya", last="Torres", email="", mobile="", home=""):
    return f"{source_id},{first},{last},{email},{mobile},{home}\n"


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
    assert {p["number"]: p["sms_status"] for p in back["phones"]} == {mobile: "disabled"}


def answered(school, run, **answer):
    done = school.admin().api.post(f"/imports/{run['id']}/removal", json=answer)
    assert done.status_code == 200, done.text
    return settled(school, run["id"])


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
    assert (kept["state"], "removed" in kept["counts"]) == ("done", False)
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
    assert dana.route(maya)["channel"] != "sms"
    with school.browser(dana) as browser:
        page = html.unescape(browser.get(f"/people/{maya.id}").text)
        assert "removed by an import" in page
    assert len(dana.said_to(maya)) == 2
    put = {"given_name": "Maya", "family_name": "Torres"}
    assert school.admin().api.put("/people/by-source/N1", json=put).status_code == 200
    assert person(school, "N1")["id"] == maya.id


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


ORGS = "sourcedId,status,name,type\no1,,Northfield High,school\n"
USERS_11 = (
    "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,sms,phone,"
    "agentSourcedIds\n"
    's1,active,true,o1,student,s,Maya,Torres,maya@x.edu,{sms},{phone},"g1,t1"\n'
    "g1,active,true,o1,guardian,g,Ana,Torres,,{guardian},,\n"
    "t1,active,true,o1,teacher,t,Dana,Whitfield,{dana},,,\n"
    "s2,active,false,o1,student,x,Gone,Student,,,,\n"
)
USERS_12 = (
    "sourcedId,enabledUser,username,givenName,familyName,email,sms,phone,agentSourcedIds,"
    "preferredGivenName\n"
    's1,true,s,Maya,Torres,maya@x.edu,{sms},{phone},"g1,t1",\n'
    "g1,true,g,Ana,Torres,,{guardian},,,\n"
    "t1,true,t,Dana,Whitfield,{dana},,,,\n"
    "s2,false,x,Gone,Student,,,,,\n"
)
ROLES_12 = (
    "sourcedId,userSourcedId,roleType,role,beginDate,orgSourcedId\n"
    "r1,s1,primary,student,,o1\nr2,g1,primary,guardian,,o1\n"
    "r3,t1,secondary,student,,o1\nr4,t1,primary,teacher,,o1\n"
)


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_oneroster_brings_students_guardians_and_advisors(school, version):
    dana = school.member()
    given = {name: new_number() for name in ("sms", "phone", "guardian")}
    text = (USERS_11 if version == "1.1" else USERS_12).format(**given, dana=dana.email)
    files = {"users.csv": text, "orgs.csv": ORGS}
    files |= {"roles.csv": ROLES_12} if version == "1.2" else {}
    run = imported(school, "", files=files)
    assert run["counts"] == {"created": 2, "changed": 1, "skipped": 1}
    maya, ana, teacher = (person(school, each) for each in ("s1", "g1", "t1"))
    assert numbers(maya) == {(given["sms"], "mobile"), (given["phone"], "home")}
    assert [maya["kind"], ana["kind"], teacher["kind"]] == ["student", "guardian", "staff"]
    found = dana.api.get(f"/people/{maya['id']}/advisors").json()["items"]
    assert [advisor["staff_id"] for advisor in found] == [dana.id]  # the person of the account
    again = imported(school, "", files=files)
    assert again["counts"] == {"unchanged": 3, "skipped": 1}
    leaving = text.replace("s1,active", "s1,tobedeleted")
    if version == "1.1":
        run = imported(school, "", files={"users.csv": leaving})
        assert (run["state"], run["leaving"]) == ("asking", 1)
        run = answered(school, run, remove=True, count=1)
        assert run["counts"] == {"unchanged": 2, "skipped": 1, "removed": 1}
        assert person(school, "s1") is None


# From the page


def uploaded(browser, *files):
    return browser.post("/people/import", files=[("file", file) for file in files])


def zipped(**files):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name.replace("_", "."), text)
    return content.getvalue()


REFUSED = [
    (b"", "The file is empty."),
    (HEAD.encode(), "names of columns and nobody below"),
    (b"N1,maya@x.edu,5125550147\nN2,noor@x.edu,5125550148\n", "must hold the names of the columns"),
    (b"PK\x03\x04 no zip at all", "zip file cannot be opened"),
    (zipped(xl_xml="<x/>"), "zip file, or a workbook"),  # an .xlsx
    (b"MZ\x00\x01", "This is no CSV file."),
    (b"ID,First name\nN1,\x00\n", "This is no CSV file."),
    (b'ID,"First name\nN1,Maya\n', "Line 1: a quote is opened and never closed"),
    (",".join(f"c{n}" for n in range(5000)).encode() + b"\nx\n", "5,000 columns"),
    (zipped(users_csv=b"sourcedId,givenName,familyName\n" + b"0" * 60_000_000), "larger than 50"),
    (ORGS.encode(), "files of OneRoster with users.csv among them"),
]


@pytest.mark.parametrize(("content", "says"), REFUSED)
def test_a_file_that_cannot_be_read_is_refused_in_words(school, content, says):
    """C1, C3, C4, C5"""
    with school.browser(school.admin()) as browser:
        answer = uploaded(browser, ("people.csv", content))
        assert answer.status_code == 422
        assert says in html.unescape(answer.text)
        assert "No file was imported yet." in answer.text
        nothing = browser.post("/people/import")
        assert (nothing.status_code, "Choose a file." in nothing.text) == (422, True)


def test_c5_a_file_that_is_too_large_is_refused_at_the_door(school):
    with school.browser(school.admin()) as browser:
        answer = uploaded(browser, ("people.csv", b"x" * (52 * 1024 * 1024)))
        assert answer.status_code == 413
    dana = school.member()
    with school.browser(dana) as browser:
        answer = uploaded(browser, ("people.csv", b"x" * (2 * 1024 * 1024)))
        assert answer.status_code == 413


def test_a_quote_that_is_never_closed_changes_nothing_wherever_it_is(school):
    text = HEAD + line("N1") + 'N2,"Noor\n' + line("N3")
    run = imported(school, text)
    assert (run["state"], run["problem"][:7]) == ("failed", "Line 3:")
    assert person(school, "N1") is None


def test_columns_are_mapped_by_hand_and_looked_at_first(school):
    number = new_number()
    text = f"Matrikel;Rufname;Funk;Notiz\r\nN1;Bjørn;{number};<img src=x>\r\n"
    with school.browser(school.admin()) as browser:
        answer = uploaded(browser, ("../../<img>.csv", text.encode("cp1252")))
        assert answer.status_code == 303
        path = answer.headers["Location"]
        page = browser.get(path).text
        assert "<img" not in page
        assert "&lt;img&gt;.csv" in page  # C17
        assert "Choose the column that holds the first name" in page
        mapping = {"column-0": "source_id", "column-1": "given_name", "column-2": "mobile"}
        wrong = {**mapping, "column-3": "mobile", "kind": "guardian"}
        answer = browser.post(f"{path}/start", data=wrong)
        assert answer.status_code == 422
        assert "“Funk” and “Notiz” cannot both be Mobile phone" in html.unescape(answer.text)
        assert browser.post(f"{path}/look", data={**wrong, "column-3": ""}).status_code == 303
        page = html.unescape(browser.get(path).text)
        assert "Bjørn" in page
        assert "Guardian · (512)" in page
        chosen = {**mapping, "kind": "guardian"}
        assert browser.post(f"{path}/try", data=chosen).status_code == 303
        import_id = int(path.rpartition("/")[2])
        assert settled(school, import_id)["counts"] == {"created": 1}
        assert "What an import would do" in browser.get(path).text
        assert browser.post(f"{path}/start", data=chosen).status_code == 303
        until(
            lambda: not one(school, import_id)["dry_run"] and one(school, import_id)["finished_at"]
        )
        page = browser.get(path).text
        assert re.search(r"<dt>New</dt><dd >1</dd>", page)
        assert browser.post(f"{path}/discard").status_code == 409
        log = html.unescape(browser.get("/audit", params={"kind": "people"}).text)
        assert "imported people from <img>.csv" in log
        assert "created: 1" in log
    assert person(school, "N1")["kind"] == "guardian"


def test_a_zip_of_oneroster_is_uploaded_as_it_is(school):
    text = USERS_12.format(sms=new_number(), phone="", guardian="", dana="t@x.edu")
    archive = zipped(users_csv=text, roles_csv=ROLES_12, orgs_csv=ORGS, classes_csv="x")
    with school.browser(school.admin()) as browser:
        path = uploaded(browser, ("oneroster.zip", archive)).headers["Location"]
        page = browser.get(path).text
        assert "OneRoster 1.2" in page
        assert "Northfield High" in page
        assert browser.post(f"{path}/start", data={"kind": "student"}).status_code == 303
    assert settled(school, int(path.rpartition("/")[2]))["counts"] == {"created": 3, "skipped": 1}


def test_only_who_may_import_and_only_their_own_institution(school):
    run = imported(school, HEAD + line("N1"), dry_run=True)
    path = f"/people/import/{run['id']}"
    with school.another() as other, other.browser(other.admin()) as browser:
        for method, target in (
            *(("GET", path), ("GET", f"{path}/export"), ("POST", f"{path}/start")),
            *(("POST", f"{path}/try"), ("POST", f"{path}/look"), ("POST", f"{path}/discard")),
            ("POST", f"{path}/removal"),
        ):
            assert browser.request(method, target).status_code == 404, target
        assert "people.csv" not in browser.get("/people/import").text
    with school.browser(school.member()) as browser:
        assert "people/import" not in browser.get("/people?view=all").text
        for method, target in (("GET", "/people/import"), ("GET", path), ("POST", f"{path}/start")):
            assert browser.request(method, target).status_code == 403, target
    assert one(school, run["id"])["dry_run"]


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


# In the worker


@pytest.fixture
def by(college):
    with college.app.app_context():
        from app.services import staff

        yield By.command(staff.create_institution("Northfield College", "UTC", "US"))
        db.session.remove()


def submitted(by, text, **choice):
    content = io.BytesIO(text.encode())
    return import_runs.submit(by, [("p.csv", content)], "p.csv", Choice(**choice), dry_run=False)


def many(count, first="P"):
    people = (f"N{n},{first}{n},Torres,,+1512{2_000_000 + n},\n" for n in range(count))
    return HEAD + "".join(people)


def test_f61_stopped_at_any_batch_it_goes_on_with_the_same_result(by):
    run_id = submitted(by, many(1200))
    looks = 0
    while importing.claim(run_id):
        looks += 1
        left = iter([True])
        importing.work(run_id, lambda left=left: next(left, False))  # one batch, then it is stopped
        db.session.rollback()
        assert looks < 9
    run = db.session.get_one(ImportRun, run_id)
    assert (run.state, run.counts) == (ImportState.DONE, {"created": 1200})
    assert looks > 2
    assert db.session.execute(select(ImportPart.run_id)).first() is None  # the file is let go
    again = submitted(by, many(1200))
    importing.work(importing.claim(again), lambda: True)
    assert db.session.get_one(ImportRun, again).counts == {"unchanged": 1200}
    actions = db.session.execute(select(AuditEntry.action)).scalars().all()
    assert actions.count("people.imported") == 2


def test_two_imports_of_one_institution_wait_for_each_other(by):
    first, second = submitted(by, many(3)), submitted(by, many(3, "Q"))
    assert importing.claim() == first
    assert importing.claim() is None
    assert importing.any_waiting() is False
    importing.work(first, lambda: True)
    assert importing.claim() == second
    importing.work(second, lambda: True)
    assert db.session.get_one(ImportRun, second).counts == {"changed": 3}
    assert importing.claim() is None
