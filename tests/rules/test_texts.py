"""Texts: what may be sent as a body, and what is added to it (A11, D36, D43)."""

import pytest

from app.rules.texts import fill, problem, snippet, tidy, with_first_contact


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("  See you at 3 \n", "See you at 3"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("one\n\n  two", "one\n\n  two"),
        ("\u00a0hi\u3000", "hi"),
        ("   ", ""),
    ],
)
def test_line_ends_and_spaces_at_the_ends_are_tidied(typed, sent):
    assert tidy(typed) == sent


EMPTY, CONTROL = "Write a message first.", "control characters"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", EMPTY),
        (" \n\t ", EMPTY),
        ("\u00a0\u2003\u3000", EMPTY),
        ("\u200b\u200d\ufeff", EMPTY),  # blank to whoever gets it
        ("a" * 1001, "1,001 characters; 1,000 is the most"),
        ("🙂" * 1001, "1,001 characters"),
        ("a\x00b", CONTROL),
        ("a\x07b", CONTROL),
        ("a\x1bb", CONTROL),
        ("a\x7fb", CONTROL),
        ("a\x9bb", CONTROL),
        ("\ud83d", "half a character"),
    ],
)
def test_a11_what_cannot_be_sent_is_refused_with_the_reason(body, why):
    said = problem(body, 1000)
    assert said is not None
    assert why in said
    assert said.endswith(".")


@pytest.mark.parametrize(
    "body", ["a", "a" * 1000, "🙂" * 1000, "one\ntwo\tthree", "👨‍👩‍👧", "مرحبا", "{{7*7}}", "<b>"]
)
def test_d36_everything_else_can_be_sent(body):
    assert problem(body, 1000) is None


def test_d36_the_length_is_a_setting():
    assert problem("a" * 400, 380) is not None
    assert problem("a" * 1600, 1600) is None


@pytest.mark.parametrize(
    ("line", "sent"),
    [("Northfield. STOP to stop", "Hi\nNorthfield. STOP to stop"), (None, "Hi"), ("", "Hi")],
)
def test_d43_the_first_text_says_who_writes_and_how_to_stop(line, sent):
    assert with_first_contact("Hi", line) == sent


@pytest.mark.parametrize(
    ("body", "length", "line"),
    [
        ("one\n  two\tthree", 120, "one two three"),
        ("a" * 120, 120, "a" * 120),
        ("a" * 121, 120, "a" * 119 + "…"),
        ("one two", 5, "one…"),
        ("", 120, ""),
    ],
)
def test_a_snippet_is_one_line_that_fits(body, length, line):
    assert snippet(body, length) == line
    assert len(line) <= length


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{name} wrote: {text}", "Maya wrote: {name} & {{7*7}}"),  # in one pass
        ("{unknown} {name", "{unknown} {name"),
        ("{{name}}", "{Maya}"),
        ("{name.__class__} {0}", "{name.__class__} {0}"),
    ],
)
def test_a_template_is_filled_in_one_pass_and_nothing_else_happens(template, filled):
    assert fill(template, {"name": "Maya", "text": "{name} & {{7*7}}"}) == filled
