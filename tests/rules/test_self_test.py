"""The self-test: what each answer of our own address proves (C-31)."""

import pytest

from app.rules.self_test import Answer, Failure, accepted, address, reached, steps, turned_away

URL = "https://texts.example.edu"
WELL = Answer(status=200, mark="ok", ms=42)
LET_IN = Answer(status=400, mark="bad_request")
NOT_SIGNED = Answer(status=403, mark="bad_signature")
STRANGER = Answer(status=403)
BUSY = Answer(status=503, mark="unavailable")


@pytest.mark.parametrize(
    ("loopback", "practice", "tone"),
    [(False, False, "text"), (False, True, "text"), (True, True, "text"), (True, False, "bad")],
)
def test_the_address_is_one_that_can_be_called(loopback, practice, tone):
    assert address(URL, loopback=loopback, practice=practice).tone == tone


@pytest.mark.parametrize(
    ("answer", "tone", "words"),
    [
        (WELL, "text", "Replyline answered after 42 ms."),
        (LET_IN, "text", "Replyline answered"),
        (NOT_SIGNED, "text", "Replyline answered"),
        (BUSY, "bad", "cannot store anything just now"),
        (STRANGER, "bad", "Something else than Replyline answers at texts.example.edu, with 403."),
        (Answer(status=200), "bad", "Something else"),
        (Answer(status=301, sent_on_to="https://www.x.example"), "bad", "on to https://www.x."),
        (Answer(status=302), "bad", "on to another address"),
        (Answer(failure=Failure.NO_NAME), "bad", "The name texts.example.edu is not known."),
        (Answer(failure=Failure.NO_CONNECTION), "bad", "A firewall may be in the way."),
        (Answer(failure=Failure.NOBODY), "bad", "nothing answers at texts.example.edu."),
        (Answer(failure=Failure.CERTIFICATE), "bad", "is not valid"),
        (Answer(failure=Failure.SILENT), "bad", "did not answer in time"),
        (Answer(failure=Failure.CUT), "bad", "cut the connection"),
    ],
)
def test_whether_it_is_reached(answer, tone, words):
    step = reached(URL, answer)
    assert step.tone == tone
    assert words in step.told


@pytest.mark.parametrize(
    ("answers", "tone", "words"),
    [
        ([LET_IN, LET_IN, WELL], "text", "Accepted: texts, reports and calls."),
        ([LET_IN, NOT_SIGNED, WELL], "bad", "Refused: reports. The address leads to another"),
        ([NOT_SIGNED] * 3, "bad", "Refused: texts, reports and calls."),
        ([LET_IN, NOT_SIGNED, STRANGER], "bad", "did not get through to Replyline: reports and"),
        ([LET_IN, BUSY, WELL], "bad", "did not get through"),
    ],
)
def test_whether_the_stored_token_is_accepted(answers, tone, words):
    step = accepted(dict(zip(("texts", "reports", "calls"), answers, strict=True)))
    assert step.tone == tone
    assert words in step.told


@pytest.mark.parametrize(
    ("answer", "tone"),
    [
        (NOT_SIGNED, "text"),
        (STRANGER, "text"),
        (LET_IN, "bad"),
        (WELL, "bad"),
        (Answer(status=200), "warn"),
        (Answer(failure=Failure.SILENT), "warn"),
    ],
)
def test_whether_others_are_turned_away(answer, tone):
    assert turned_away("Not signed", answer).tone == tone


def test_what_cannot_be_tried_is_said():
    found = steps(
        URL,
        loopback=False,
        practice=False,
        signed={"texts": STRANGER},
        foreign=None,
        unsigned=None,
    )
    assert [step.tone for step in found] == ["text", "bad", "plain", "plain", "plain"]
