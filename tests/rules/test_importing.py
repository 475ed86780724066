"""Importing: columns are told from their names, and a row is read as a whole or not at all."""

import pytest

from app.rules.importing import (
    Entry,
    Field,
    Refused,
    guess,
    is_many,
    mapping_problem,
    read,
)
from app.rules.phones import PhoneType

F = Field
COLUMNS = ["ID", "First name", "Last name", "Email", "Mobile", "Home", "Kind", "Advisor", "Zone"]
MAPPING = [
    *(F.SOURCE_ID, F.GIVEN_NAME, F.FAMILY_NAME, F.EMAIL, F.MOBILE, F.HOME, F.KIND, F.ADVISOR),
    F.TIMEZONE,
]

GUESSES = [
    (["Student ID", "First Name", "Last Name", "E-mail", "Cell Phone"],
     [F.SOURCE_ID, F.GIVEN_NAME, F.FAMILY_NAME, F.EMAIL, F.MOBILE]),
    (["email", "id", "first_name"], [F.EMAIL, F.SOURCE_ID, F.GIVEN_NAME]),  # in any order
    (["Name", "Phone Number", "Shoe size"], [F.NAME, F.MOBILE, None]),
    (["Mobile", "Phone", "Home Phone"], [F.MOBILE, None, F.HOME]),  # the first of the same
    (["sourcedId", "givenName", "familyName", "sms"],
     [F.SOURCE_ID, F.GIVEN_NAME, F.FAMILY_NAME, F.MOBILE]),
    (["", "???", "Größe"], [None, None, None]),
]  # fmt: skip


@pytest.mark.parametrize(("columns", "held"), GUESSES)
def test_columns_are_told_from_their_names(columns, held):
    """C6"""
    assert guess(columns) == held


MAPPINGS = [
    ([F.SOURCE_ID, F.GIVEN_NAME], True, None),
    ([F.NAME, F.MOBILE], True, None),
    ([F.NAME, F.NAME], True, "“A” and “B” cannot both be Whole name"),
    ([F.SOURCE_ID, F.EMAIL], True, "first name"),
    ([F.NAME, None], True, "known again"),
    ([F.NAME, F.ADVISOR], False, "known again"),
    ([F.NAME, F.EMAIL, F.ADVISOR], True, None),
    ([F.NAME, F.EMAIL, F.ADVISOR], False, "Your role may not say"),  # C18
]


@pytest.mark.parametrize(("mapping", "may_link", "says"), MAPPINGS)
def test_a_mapping_that_cannot_be_is_told(mapping, may_link, says):
    problem = mapping_problem("ABC"[: len(mapping)], mapping, may_link=may_link)
    assert (problem is None) if says is None else (says in problem)


def row(text: str) -> Entry | Refused:
    return read(text.split("|"), COLUMNS, MAPPING, "student", "US")


M, H = PhoneType.MOBILE, PhoneType.HOME

ENTRIES = [
    ("N1|Maya|Torres|Maya@Students.example|(512) 555-0147|512.555.0148|||",
     Entry("N1", "N1", "Maya", "Torres", "maya@students.example", "student", None,
           (("+15125550147", M), ("+15125550148", H)))),
    ("N1|Maya|||||||", Entry("N1", "N1", "Maya", None)),
    ("N1| Maya\t Ann |  |||||| ", Entry("N1", "N1", "Maya Ann", None)),
    ("N1|Maya|||5125550147|+15125550147|||",  # one number in two columns is what it is first
     Entry("N1", "N1", "Maya", None, phones=(("+15125550147", M),))),
    ("N1|Maya||||||dana@northfield.example|",
     Entry("N1", "N1", "Maya", None, advisors=("dana@northfield.example",))),
    ("N1|Maya|||||Parent||", Entry("N1", "N1", "Maya", None, kind="guardian", says_kind=True)),
    ("N1|Maya|||||FACULTY||America/Chicago",
     Entry("N1", "N1", "Maya", None, kind="staff", says_kind=True, timezone="America/Chicago")),
    # C12: stored as it is; whoever exports takes care
    ("N1|=HYPERLINK(\"x\")|@SUM|||||||".removesuffix("|"),
     Entry("N1", "N1", '=HYPERLINK("x")', "@SUM")),
    ("N1|-2+3|+cmd||||||", Entry("N1", "N1", "-2+3", "+cmd")),
    ("N1|tomás|Ńguyễn|tomás@exämple.org|||||",  # C13
     Entry("N1", "N1", "tomás", "Ńguyễn", "tomás@exämple.org")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "entry"), ENTRIES)
def test_a_row_says_who_somebody_is(text, entry):
    assert row(text) == entry


WRONG = [
    ("|Maya|||||||", "There is no ID."),
    ("N1||Torres||||||", "There is no first name."),
    ("N1|Maya|Torres|maya@|||||", "Email: This is not an email address"),
    ("N1|Maya|Torres|a@b|||||", "Email: This is not"),  # C13
    ("N1|Maya|Torres|a@b.edu\nBcc: x@y.edu|||||", "Email: This is not"),
    ("N1|Maya|Torres||911||||", "Mobile phone: 911 is an emergency number."),
    ("N1|Maya|Torres|||512 555||||".removesuffix("|"), "Home phone: 512 555 has too many or too"),
    ("N1|Maya|Torres||||robot||", "“robot” is none of student, staff, guardian, prospect"),
    ("N1|Maya|Torres|||||Dana Whitfield|", "Advisor’s email: This is not"),
    ("N1|Maya|Torres||||||Mars/Base", "Time zone: Mars/Base is none"),
    (f"N1|{'x' * 201}|Torres||||||", "First name: longer than 200 characters"),
    (f"{'9' * 201}|Maya|Torres||||||", "ID: longer than 200 characters"),
    ("N1|Maya|Torres", "This line has 3 cells, the first line has 9."),
    ("N1|Maya|Torres|||||||more", "This line has 10 cells"),
    ("||||||||", "There is no ID. There is no first name."),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_a_wrong_row_is_refused_in_words(text, says):
    found = row(text)
    assert isinstance(found, Refused)
    assert says in found.reason
    assert not found.skipped


def test_all_that_is_wrong_with_a_row_is_told_together():
    found = row("N1||Torres|x|911||||")
    assert isinstance(found, Refused)
    assert found.key == "N1"
    for part in ("no first name", "Email:", "911"):
        assert part in found.reason


@pytest.mark.parametrize(
    ("text", "key"), [("N1|Maya", "N1"), (" N1 |Torres|,|Maya|||||||x", "N1"), ("|Maya", "")]
)
def test_who_is_on_a_line_that_is_cut_wrong_is_told_by_the_id_where_it_is_first(text, key):
    """A cell too many before it would have moved it."""
    found = row(text)
    assert (type(found), found.key) == (Refused, key)
    moved = read(["Torres", " Maya", "N1"], ["Name", "ID"], [F.NAME, F.SOURCE_ID], "student", "US")
    assert (type(moved), moved.key) == (Refused, "")


def test_a_line_without_its_id_is_about_nobody_that_is_known():
    mapping = [F.SOURCE_ID, F.NAME, F.EMAIL]
    found = read(["", "Maya Torres", "m@x.edu"], ["I", "N", "E"], mapping, "student", "US")
    assert found == Refused("There is no ID.", "", "Maya Torres")


def test_the_names_of_the_columns_again_are_nobody():
    """C1"""
    found = row("|".join(COLUMNS))
    assert found == Refused("This line repeats the names of the columns.", skipped=True)


def test_nothing_after_the_last_column_is_nothing():
    assert row("N1|Maya||||||||") == Entry("N1", "N1", "Maya", None)


NAMES = [
    ("Maya Torres", "Maya", "Torres"),
    ("Torres, Maya Ann", "Maya Ann", "Torres"),
    ("Maya Ann Torres", "Maya Ann", "Torres"),
    ("Maya", "Maya", None),
]


@pytest.mark.parametrize(("whole", "first", "last"), NAMES)
def test_a_whole_name_is_taken_apart(whole, first, last):
    found = read([whole, "a@b.edu"], ["Name", "Email"], [F.NAME, F.EMAIL], "prospect", "US")
    assert isinstance(found, Entry)
    assert (found.given_name, found.family_name, found.kind) == (first, last, "prospect")


def test_without_an_id_a_name_with_an_address_is_the_key():
    def key(name: str, email: str, phone: str) -> str:
        mapping = [F.NAME, F.EMAIL, F.MOBILE]
        return read([name, email, phone], ["N", "E", "P"], mapping, "prospect", "US").key

    assert key("Maya Torres", "m@x.edu", "") == key("TORRES, Maya", "M@X.edu", "5125550147")
    assert key("Maya Torres", "", "5125550147") == key("maya torres", "", "(512) 555-0147")
    assert key("Maya Torres", "m@x.edu", "") != key("Noor Torres", "m@x.edu", "")  # one family
    found = read(["Maya", "", ""], ["N", "E", "P"], [F.NAME, F.EMAIL, F.MOBILE], "student", "US")
    assert isinstance(found, Refused)
    assert "neither an email nor a phone" in found.reason


@pytest.mark.parametrize(
    ("removing", "of", "asks"), [(0, 0, False), (20, 100, False), (21, 100, True), (1, 4, True)]
)
def test_removing_more_than_a_fifth_is_asked_about(removing, of, asks):
    """C15"""
    assert is_many(removing, of) is asks
