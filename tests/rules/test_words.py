"""Words: every status, reason and step has its own, and none of ours leaks (D10, D30, D31, D41)."""

import re
from dataclasses import replace

import pytest

from app.rules import words
from app.rules.codes import CODES
from app.rules.dispatch import Step
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.reasons import Reason
from app.rules.segments import Encoding, measure
from app.rules.words import Names

NAMES = Names("Tomás", "Northfield College")
NOT_A_TEXT = list(Reason)[:13]
A_TEXT = list(Reason)[13:]
SNAKES = re.compile(r"[a-z]+_[a-z]+|[A-Z]{2,}_|<\w+|\w+\(|\bNone\b|\{|\}|\bReason\b|\bStatus\b")


def readable(sentence: str) -> bool:
    return bool(sentence.strip()) and not SNAKES.search(sentence) and "  " not in sentence


@pytest.mark.parametrize("status", Status)
def test_d31_every_status_of_a_text_has_a_word_an_icon_and_a_meaning(status):
    shown = words.TEXT_STATUS[status]
    assert shown.word == status.word.replace("_", " ").capitalize()
    assert readable(shown.word)
    assert readable(shown.meaning)
    assert shown.meaning.endswith(".")
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", shown.icon)
    assert shown.tone in {"plain", "text", "warn", "bad"}


def test_the_tones_say_what_arrived_what_did_not_and_what_is_unsure():
    by_tone: dict[str, set[str]] = {}
    for status, shown in words.TEXT_STATUS.items():
        by_tone.setdefault(shown.tone, set()).add(status.word)
    assert by_tone["text"] == {"delivered", "read"}
    assert by_tone["bad"] == {"rejected", "failed", "undelivered"}
    assert by_tone["warn"] == {"unconfirmed", "timed_out", "not_sent"}


def test_an_email_is_queued_sent_or_failed_and_blue_unless_it_came_back():
    shown = {status.word: said for status, said in words.EMAIL_STATUS.items()}
    assert {said.word for said in shown.values()} == {"Email queued", "Email sent", "Email failed"}
    assert {word for word, said in shown.items() if said.tone == "bad"} == {"failed"}
    assert all(said.icon == "mail" and readable(said.meaning) for said in shown.values())


@pytest.mark.parametrize("detail", ["", "+15125550102", "700 of 700", "30003"])
@pytest.mark.parametrize("reason", NOT_A_TEXT)
def test_d30_every_reason_continues_went_by_email_and_because(reason, detail):
    said = words.why_not_text(reason, NAMES, detail)
    assert readable(said)
    assert said[0].islower() or said.startswith(("Tomás", "(512)", "+", "700", "30003"))
    assert said[-1] not in ".!"


def test_d30_each_reason_has_words_of_its_own():
    assert len({words.why_not_text(reason, NAMES) for reason in NOT_A_TEXT}) == len(NOT_A_TEXT)
    assert all("sent as an email" not in words.why_not_text(r, NAMES) for r in NOT_A_TEXT)


@pytest.mark.parametrize(
    ("reason", "detail", "said"),
    [
        (Reason.OPTED_OUT, "", "Tomás opted out of texts"),
        (Reason.NUMBER_INVALID, "+15125550102", "(512) 555-0102 cannot get texts"),
        (Reason.NUMBER_INVALID, "", "the number cannot get texts"),
        (Reason.NO_PHONE, "", "Tomás has no phone on record"),
        (Reason.POOL_EMPTY, "", "no number is free"),
        (Reason.MESSAGE_LIMIT_REACHED, "700 of 700", "the month’s text limit was reached"),
        (Reason.SMS_DISABLED, "", "texting is switched off for Northfield College"),
        (
            Reason.CARRIER_BLOCKED,
            "+15125550207",
            "the phone company blocks your number for Tomás; texting START to it lifts that",
        ),
        (
            Reason.DELIVERY_FAILED,
            "30003",
            "the text could not be delivered (phone off or out of reach)",
        ),
    ],
)
def test_the_wording_of_the_design_language(reason, detail, said):
    assert words.why_not_text(reason, NAMES, detail) == said


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("student", "students here"),
        ("guardian", "guardians here"),
        ("prospect", "prospects here"),
        ("staff", "staff here"),
        ("unknown", "people here"),
        ("people", "people here"),
    ],
)
def test_d8_the_default_is_said_for_this_kind_of_person(kind, said):
    names = replace(NAMES, kind=kind)
    assert words.why_not_text(Reason.OPTED_OUT_BY_DEFAULT, names).startswith(f"{said} get texts")


@pytest.mark.parametrize("reason", [*NOT_A_TEXT, None])
def test_what_the_recipient_of_the_email_reads_continues_because(reason):
    said = words.why_email(reason)
    assert readable(said)
    assert said[0].islower()
    assert said[-1] not in ".!"


@pytest.mark.parametrize(
    "reason", [Reason.NUMBER_LIMIT_REACHED, Reason.POOL_EMPTY, Reason.MESSAGE_LIMIT_REACHED]
)
def test_our_limits_are_not_the_recipients_to_care_about(reason):
    assert not re.search("limit|pool|number|free", words.why_email(reason))


STEPS = [
    Step("texting", "on"),
    Step("texting", "email_chosen"),
    Step("texting", Reason.SMS_DISABLED),
    *(Step("phone", reason, "+15125550102") for reason in [*NOT_A_TEXT[1:7], *A_TEXT]),
    Step("phone", Reason.NO_PHONE),
    Step("carrier", "not_blocked", "+15125550207"),
    Step("carrier", Reason.CARRIER_BLOCKED, "+15125550207"),
    Step("number", "own", "+15125550207"),
    Step("number", "first_text", "+15125550207"),
    Step("number", "shared", "+15125550207"),
    Step("number", Reason.NUMBER_LIMIT_REACHED),
    Step("number", Reason.POOL_EMPTY),
    Step("limit", "room", "12 of 700"),
    Step("limit", "unlimited"),
    Step("limit", Reason.MESSAGE_LIMIT_REACHED, "700 of 700"),
    Step("email", "address", "tomas@northfield.example"),
    Step("email", "no_email"),
    Step("automatic", "unclaimed"),
    Step("written_to", "shared", "Admissions office"),
    Step("written_to", "not_theirs", "Admissions office"),
    Step("representative", "stands", "Lee Park"),
    Step("representative", Reason.INVALID_REPRESENTATIVE, "Department of Nursing"),
]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.rule}-{step.result}")
def test_every_step_is_a_question_and_its_answer_a_sentence(step):
    asked, said = words.question(step), words.answer(step, NAMES)
    assert readable(asked)
    assert asked.endswith("?")
    assert asked != step.rule
    assert readable(said)
    assert said.endswith(".")
    assert not said[0].islower() or "@" in said
    assert "+1" not in said  # numbers are written as people of the region write them


def test_a_stored_step_reads_like_a_fresh_one():
    """A decision is kept as plain strings."""
    for step in STEPS:
        stored = Step(str(step.rule), str(step.result), step.detail)
        assert words.answer(stored, NAMES) == words.answer(step, NAMES)


@pytest.mark.parametrize("keyword", [Keyword.STOP, Keyword.START, Keyword.HELP])
def test_d21_our_answers_name_the_institution_and_cost_one_text(keyword):
    said = words.KEYWORD_REPLIES[keyword].format(
        institution="Northfield Community College", contact="help@northfield.example"
    )
    assert said.startswith("Northfield Community College: ")
    counted = measure(said)
    assert (counted.encoding, counted.parts) == (Encoding.GSM7, 1)


def test_d21_the_answers_say_how_to_undo_them():
    assert "START" in words.KEYWORD_REPLIES[Keyword.STOP]
    assert all("STOP" in words.KEYWORD_REPLIES[k] for k in (Keyword.START, Keyword.HELP))
    assert set(words.KEYWORD_REPLIES) == {Keyword.STOP, Keyword.START, Keyword.HELP}


@pytest.mark.parametrize("code", CODES)
def test_s3_86_a_code_is_shown_with_its_meaning(code):
    assert words.meaning_of(code) == f"{CODES[code].meaning} ({code})"


def test_a_code_nobody_knows_and_no_code():
    assert words.meaning_of("99999") == "The provider gave an error (99999)"
    assert words.meaning_of(None) == words.meaning_of("") == ""


def test_d10_d41_the_two_sentences_without_a_reason():
    assert words.NO_EMAIL == "there is no email address either"
    assert words.MAY_NOT_START == "Your role may answer texts but not start them."
