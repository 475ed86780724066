"""Files of people: what cannot be read is refused in words, what can is mapped and tried first
(C1-C5, C17)."""

import html
import io
import re
import zipfile

import pytest

from tests.helpers import until
from tests.imports import (
    HEAD,
    ORGS,
    USERS_11,
    imported,
    line,
    one,
    person,
    settled,
    uploaded,
    zipped,
)
from tests.school import new_number


def packed(how):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", how) as archive:
        archive.writestr("users.csv", USERS_11)
    return content.getvalue()


# Its directory says that the name is UTF-8, and it is not.
DAMAGED = zipped(**{"ü/users_csv": USERS_11}).replace("ü".encode(), b"\xff\xff")

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
    ("ID,First name\nN1,\0\n".encode("utf-16"), "This is no CSV file."),
    ("ID,First name\nN1,Maya\n".encode("utf-32"), "This is no CSV file."),
    (b"ID,First name\nN1,Maya" + b",x" * 2000 + b"\n", "Line 2: it has 2,002 columns"),
    (packed(zipfile.ZIP_BZIP2), "packed in an unusual way"),
    (packed(zipfile.ZIP_LZMA), "packed in an unusual way"),
    (DAMAGED, "zip file cannot be opened"),
    (zipped(**{"a/users_csv": USERS_11, "b/users_csv": USERS_11}), "more than one users.csv"),
    (zipped(users_csv=USERS_11, orgs_csv=ORGS + 'o2,,"North"field,school\n'), "Line 3: a quote"),
    (zipped(users_csv=USERS_11, roles_csv="a,b\n1,2\n"), "roles.csv lacks the columns"),
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


def test_nothing_that_was_chosen_is_dropped_silently(school):
    plain, users = ("people.csv", HEAD + line("N1")), ("users.csv", USERS_11)
    said = {
        (users, plain): "people.csv lacks the columns of a file of OneRoster.",
        (users, ("users (1).csv", USERS_11)): "There is more than one users.csv.",
        (plain, plain): "Choose one CSV file of people",
        (users, ("manifest.csv", 'propertyName,value\nfile.users,"bu"lk\n')): "Line 2: a quote",
    }
    with school.browser(school.admin()) as browser:
        for files, says in said.items():
            answer = uploaded(browser, *files)
            assert (answer.status_code, says in html.unescape(answer.text)) == (422, True), says
        others = [(f"{name}.csv", "sourcedId\n") for name in ("classes", "academicSessions")]
        answer = uploaded(browser, users, ("orgs.csv", ORGS), *others)  # the others of a set
        assert answer.status_code == 303
        assert "Files: users.csv, orgs.csv" in browser.get(answer.headers["Location"]).text


def test_a_table_with_the_columns_of_oneroster_and_no_roles_is_a_table(school):
    text = "sourcedId,givenName,familyName,email\ns1,Maya,Torres,maya@x.edu\n"
    assert imported(school, text, kind="guardian")["counts"] == {"created": 1}
    assert person(school, "s1")["kind"] == "guardian"
