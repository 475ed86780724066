"""Search: what a text or a name is found by."""

import pytest

from app.rules.search import Term, folded, tail, terms


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("See you Tuesday, 8:30!", "see you tuesday 8 30"),
        ("Thuy Nguyễn", "thuy nguyen"),
        ("STRASSE Straße", "strasse"),  # each word once
        ("don\u2019t", "don t"),
        ("snake_case", "snake case"),
        ("\uff11\uff12 \u00bd", "12 1 2"),  # wide digits, a half
        ("\u65e5\u672c\u8a9e", "\u65e5\u672c\u8a9e"),
        ("\U0001f642 !", ""),
        ("x" * 99, "x" * 60),
    ],
)
def test_words_are_folded(text, words):
    assert folded(text) == words


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("maya to", [Term("maya"), Term("to")]),
        ("", []),
        ("(512) 555-0147", [Term("5125550147", "5125550147")]),
        ("+1 512", [Term("1512", "1512")]),
        ("0147", [Term("0147", "0147")]),
        ("147", [Term("147")]),  # too short for the end of a number
        ("maya 0147", [Term("maya"), Term("0147", "0147")]),
        ("a b c d e f", [Term(w) for w in "abcde"]),
        ("'; DROP --", [Term("drop")]),
    ],
)
def test_what_is_looked_for(typed, found):
    assert terms(typed) == found


def test_a_number_is_found_by_its_end():
    assert tail("+15125550147").startswith(tail("0147"))
