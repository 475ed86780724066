"""Codes: exactly which disable the number, go by email, are tried again, or stop us (D19, D35)."""

import pytest

from app.rules.codes import CODES, EXPIRED, Then, look_up
from app.rules.consent import ConsentEvent as Event

D19 = {"21211", "21217", "21265", "21614", "21635", "30005", "30006"}
ABOUT_THEM = {"21610", "21612", "30004", "30007", "30008", "30034"}
OURS = {"20003", "20404", "21212", "21601", "21606", "21608", "21659", "21660", "21661"}
OURS |= {"20005", "30002", "30032", "30033"}


def codes_of(then: Then) -> set[str]:
    return {code for code, entry in CODES.items() if entry.then is then}


def test_d19_these_and_no_others_disable_that_one_number():
    disabling = {Event.NUMBER_INVALID, Event.HANDSET_UNKNOWN}
    assert {code for code, entry in CODES.items() if entry.consent in disabling} == D19
    assert look_up("30005").consent is Event.HANDSET_UNKNOWN  # S3-53


def test_s3_87_d18_the_carriers_opt_out_is_a_stop_and_the_only_one():
    assert {c for c, entry in CODES.items() if entry.consent is Event.OPTED_OUT} == {"21610"}


def test_d35_by_email_where_the_code_is_about_this_person_or_text():
    assert codes_of(Then.EMAIL) == D19 | ABOUT_THEM


def test_d19_d31_only_a_phone_out_of_reach_is_tried_again():
    assert codes_of(Then.RETRY) == {"30003"}
    assert look_up("30003").consent is None


def test_d35_a_fault_of_ours_keeps_the_text_and_stops_the_account():
    assert codes_of(Then.WAIT) == OURS
    assert all(look_up(code).consent is None for code in OURS)


@pytest.mark.parametrize("code", ["30004", "30007", "30008", "21612", "30034"])
def test_d19_every_other_failure_leaves_the_status_alone(code):
    assert look_up(code).consent is None


@pytest.mark.parametrize("code", ["99999", "", None, "30003 "])
def test_an_unknown_code_is_final_for_its_message_and_harmless_for_the_number(code):
    entry = look_up(code)
    assert (entry.then, entry.consent) == (Then.FAIL, None)


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("30003", "Phone off or out of reach"),
        ("30004", "Blocked by phone or carrier"),
        ("30005", "Number not in use"),
        ("30006", "Landline"),
        ("30007", "Stopped as spam"),
        ("30008", "No reason given"),
        ("21610", "Opted out at the carrier"),
    ],
)
def test_s3_56_the_words_of_the_design_language(code, meaning):
    assert look_up(code).meaning == meaning


def test_d38_what_waited_too_long_here_is_no_error_of_a_provider():
    assert look_up(EXPIRED).meaning == "Waited too long to be sent"
    assert (look_up(EXPIRED).then, look_up(EXPIRED).consent) == (Then.FAIL, None)


def test_every_code_is_five_digits_and_has_plain_words():
    for code, entry in CODES.items():
        assert code == EXPIRED or (code.isdigit() and len(code) == 5)
        assert entry.meaning[0].isupper()
        assert entry.meaning[-1] not in ".!"
