"""Keywords: a whole message is STOP, START or HELP, however it is dressed up (D15, W24)."""

import pytest

from app.rules.keywords import Keyword, classify

OUT = [
    *("stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit", "revoke"),
    *("optout", "opt out"),
]
IN = ["start", "unstop"]
HELP = ["help", "info"]
MEANING = {
    **dict.fromkeys(OUT, Keyword.STOP),
    **dict.fromkeys(IN, Keyword.START),
    **dict.fromkeys(HELP, Keyword.HELP),
}
FULL_WIDTH = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}

DRESSINGS = {
    "plain": lambda w: w,
    "capitals": str.upper,
    "a phone's capital": str.capitalize,
    "mixed case": lambda w: w[:2].upper() + w[2:],
    "spaces and newlines": lambda w: f" \t\n{w} \r\n",
    "no-break and wide spaces": lambda w: f"\u00a0\u2003{w}\u3000",
    "full stop": lambda w: f"{w}.",
    "exclamation": lambda w: f"{w}!!!",
    "quotes": lambda w: f"“{w}”",
    "brackets": lambda w: f"<({w})>",
    "emoji": lambda w: f"🛑{w}🛑",
    "emoji of several characters": lambda w: f"✋🏽 {w} ❤️ 👨‍👩‍👧 🇹🇷",
    "zero-width ends": lambda w: f"\ufeff{w}\u200b",
    "full width": lambda w: w.translate(FULL_WIDTH),
}


def said(body, **facts):
    return classify(body, **{"stopped_here": False} | facts)


@pytest.mark.parametrize("dressing", DRESSINGS)
@pytest.mark.parametrize("word", MEANING)
def test_d15_each_word_counts_however_it_is_dressed(word, dressing):
    assert said(DRESSINGS[dressing](word)) is MEANING[word]


@pytest.mark.parametrize(
    "body",
    [
        *("opt-out", "OPT-OUT", "Opt_Out", "opt\u2011out", "opt – out", "opt.out", "opt  out"),
        *("stop-all", "stop  all", "Stop, all", "stop 🛑 all", "STOP\nALL"),
    ],
)
def test_d15_space_punctuation_and_emoji_inside_the_two_double_words_count_for_nothing(body):
    assert said(body) is Keyword.STOP


@pytest.mark.parametrize(
    "body",
    [
        *("stop", " STOP. ", "Stop!", "UNSUBSCRIBE", "revoke", "opt out", "OPT-OUT", "end"),
        *("quit", "cancel", "stopall"),
    ],
)
def test_w24_the_bodies_of_the_input_table_opt_out(body):
    assert said(body) is Keyword.STOP


@pytest.mark.parametrize("body", ["yes", "YES", " Yes! ", "yes 👍", "ｙｅｓ"])
def test_d15_yes_is_start_only_while_the_number_is_disabled_by_its_own_stop(body):
    assert said(body, stopped_here=True) is Keyword.START
    assert said(body, stopped_here=False) is Keyword.NONE


@pytest.mark.parametrize("body", ["yes please", "oh yes", "yes, at 3", "y", "yep"])
def test_d15_no_other_yes_is_start(body):
    assert said(body, stopped_here=True) is Keyword.NONE


@pytest.mark.parametrize("body", ["stop", "start", "help", "hello", "👍", ""])
@pytest.mark.parametrize("told", [Keyword.STOP, Keyword.START, Keyword.HELP])
def test_d15_opt_out_type_of_the_provider_wins(told, body):
    assert said(body, provider_says=told) is told


@pytest.mark.parametrize(
    ("word", "body"),
    [
        ("dur", "DUR!"),
        ("BASTA", "¡basta!"),
        ("no-more", "No more"),
        ("alto ya", "alto-ya"),
        ("don't", "Don't."),
        ("रुको", "रुको।"),
    ],
)
def test_d15_admins_add_words_and_these_are_dressed_alike(word, body):
    assert said(body, more_stop=[word]) is Keyword.STOP
    assert said(body, more_start=[word]) is Keyword.START
    assert said(f"{body} x", more_stop=[word]) is not Keyword.STOP


def test_d15_an_admins_word_never_takes_the_place_of_a_standard_one():
    assert said("stop", more_start=["stop"]) is Keyword.STOP


@pytest.mark.parametrize("word", ["", " ", "🛑", "!"])
@pytest.mark.parametrize("body", ["", "👍", "!!!", "❤️"])
def test_d15_an_admins_word_without_letters_matches_nothing(word, body):
    assert said(body, more_stop=[word], more_start=[word]) is Keyword.NONE


def test_d15_a_sign_that_is_part_of_a_word_is_not_stripped():
    assert said("रुके", more_stop=["रुको"]) is Keyword.NONE


def test_a_long_text_is_read_quickly():
    """A regular expression that backtracks would take minutes on these."""
    for unit in ("please ", "stop, ", "no more the ", "dont want to ", "opt out of my "):
        assert said((unit * 1600)[:1600] + "x") in (Keyword.NONE, Keyword.VAGUE_STOP)
