"""Standard texts: what is filled, what stays to be seen, and what is never sent (S4-45)."""

import pytest

from app.rules.standard_texts import FIELDS, fill, pieces, problem, unfilled

VALUES = {
    "first_name": "Maya",
    "last_name": "Torres",
    "student_id": None,
    "my_name": "Dana {institution}",
    "institution": " ",
}


@pytest.mark.parametrize(
    ("body", "filled", "left"),
    [
        ("See you at 9.", "See you at 9.", []),
        ("Hi {first_name} {last_name}", "Hi Maya Torres", []),
        ("{first_name}, {first_name}", "Maya, Maya", []),
        ("ID {student_id}", "ID {student_id}", ["student_id"]),  # not on record: seen
        ("{institution}{student_id}", "{institution}{student_id}", ["institution", "student_id"]),
        ("{student_id} {student_id}", "{student_id} {student_id}", ["student_id"]),
        ("{my_name}", "Dana {institution}", ["institution"]),  # in one pass
        ("{word} {First_Name} { first_name }", "{word} {First_Name} { first_name }", []),
        ("{{first_name}}", "{Maya}", []),
        ("{first_name", "{first_name", []),
        ("", "", []),
    ],
)  # fmt: skip
def test_fields_are_filled_and_what_is_missing_stays(body, filled, left):
    assert fill(body, VALUES) == filled
    assert unfilled(filled) == left


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("Hi Maya {word}", None),
        ("Hi {first_name}", "Fill in {first_name} first: nothing stands in its place yet."),
        ("{my_name} {last_name}", "Fill in {my_name} first: nothing stands in its place yet."),
    ],
)
def test_a_field_is_never_sent(body, why):
    assert problem(body) == why


@pytest.mark.parametrize("name", FIELDS)
def test_every_field_is_filled_shown_and_refused(name):
    body = f"a {{{name}}}"
    assert fill(body, {name: "x"}) == "a x"
    assert pieces(body) == [("a ", False), (name, True)]
    assert problem(body)


def test_a_preview_marks_the_fields_and_nothing_else():
    assert pieces("{first_name}{my_name}: {word}") == [
        ("first_name", True),
        ("my_name", True),
        (": {word}", False),
    ]
    assert pieces("") == []
