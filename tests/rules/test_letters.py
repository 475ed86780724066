"""Letters: what is put into the fields of an email, and what is odd about its words."""

import pytest

from app.rules.letters import Letter, lacks, unknown_fields, written


def test_fields_are_filled_once_and_others_stay():
    letter = Letter("From {sender}", "{text} {nobody} {sender}")
    found = written(letter, {"sender": "Dana", "text": "{sender}"})
    assert found == Letter("From Dana", "{sender} {nobody} Dana")


@pytest.mark.parametrize(
    ("kind", "letter", "unknown", "missing"),
    [
        ("fallback_email", Letter("{sender}", "{text}"), [], None),
        ("fallback_email", Letter("{text}", "Hello"), [], None),
        ("fallback_email", Letter("{name}", "{link} {name}"), ["name", "link"], "text"),
        ("reply_notice", Letter("{name}", "{text} {link} {time} {institution}"), [], None),
        ("reply_notice", Letter("{sender}", "{ link }"), ["sender"], "link"),
    ],
)
def test_what_is_odd(kind, letter, unknown, missing):
    assert unknown_fields(kind, letter) == unknown
    assert lacks(kind, letter) == missing
