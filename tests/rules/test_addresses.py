"""Addresses: what becomes of texts and calls where a number's addresses are not ours."""

import pytest

from app.rules.addresses import State, Webhooks, state_of, strays, told

OURS = Webhooks("https://a.example/in", "https://a.example/in", "https://a.example/voice")
RETRIED = "https://a.example/in#rc=5&rp=ct,rt,5xx"


@pytest.mark.parametrize(
    ("there", "state", "astray", "words"),
    [
        (OURS, State.RIGHT, [], "Texts and calls come in here."),
        (Webhooks(RETRIED, RETRIED, OURS.voice), State.RIGHT, [], "Texts and calls come in here."),
        (
            Webhooks("https://b.example/x#rc=1", OURS.fallback, OURS.voice),
            State.ASTRAY,
            ["inbound"],
            "Texts go to https://b.example/x, not to Replyline.",
        ),
        (
            Webhooks("", "", ""),
            State.ASTRAY,
            ["inbound", "fallback", "voice"],
            "Texts go to nowhere, not to Replyline.",
        ),
        (
            Webhooks(OURS.inbound, "", "https://pbx.example"),
            State.HALF,
            ["fallback", "voice"],
            "Texts come in; the second address, for when the first is away, is another one and "
            "calls go to https://pbx.example.",
        ),
        (
            Webhooks(OURS.inbound, OURS.fallback, ""),
            State.HALF,
            ["voice"],
            "Texts come in; calls go to nowhere.",
        ),
    ],
)
def test_where_what_comes_goes(there, state, astray, words):
    assert strays(there, OURS) == astray
    assert state_of(there, OURS) is state
    assert told(there, OURS) == words


def test_a_service_is_named_where_it_takes_the_texts():
    there = Webhooks("https://b.example", "", OURS.voice)
    said = "By its messaging service “Alerts” texts go to https://b.example, not to Replyline."
    assert told(there, OURS, "Alerts") == said
