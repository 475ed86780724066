"""Dispatch: one decision, one order of reasons, and the steps that led to it (D30, D18, D40)."""

from dataclasses import replace

import pytest

from app.rules.consent import BY_STAFF, DEFAULT, ENABLED, INVALID, OWN_STOP, Consent
from app.rules.dispatch import Channel, Facts, Refuse, SendEmail, SendSms, Step, decide
from app.rules.limits import LimitUnit, MonthUsage
from app.rules.phones import PhoneType
from app.rules.reasons import Reason
from app.rules.recipient import Defaults, Phone
from app.rules.segments import measure
from app.rules.sender import OurNumber, Sender, SenderFacts, SharedNumber

EMAIL = "tomas@northfield.example"


def phone(id_: int, consent: Consent, type_: PhoneType = PhoneType.MOBILE) -> Phone:
    return Phone(id_, 100 + id_, f"+1512555010{id_}", type_, consent)


MOBILE = phone(1, ENABLED)
OWN = OurNumber(7, "+15125550207")
BLOCKED = OurNumber(7, "+15125550207", frozenset({MOBILE.contact_id}))
FREE = OurNumber(8, "+15125550208")


def facts(**changes: object) -> Facts:
    """A text that can go; `changes` are what stands in its way."""
    usual = {
        "texting_on": True,
        "phones": (MOBILE,),
        "defaults": Defaults(opted_in=True, phone_type=PhoneType.MOBILE),
        "sender": SenderFacts(may_start=True, own=OWN),
        "usage": MonthUsage(12, 700),
        "segments": measure("See you at 3"),
        "email": EMAIL,
    }
    return Facts(**{**usual, **changes})


CLOSED = Defaults(opted_in=False, phone_type=PhoneType.MOBILE)
# Each row is what makes its reason hold. A row is tried together with all rows below it. Of the
# phones, the lower id would have been chosen first.
ORDER = [
    (Reason.SMS_DISABLED, {"texting_on": False}),
    (Reason.NO_PHONE, {"phones": ()}),
    (Reason.OPTED_OUT, {"phones": (phone(1, OWN_STOP),)}),
    (Reason.DISABLED_BY_STAFF, {"phones": (phone(2, BY_STAFF),)}),
    (Reason.NUMBER_INVALID, {"phones": (phone(3, INVALID),)}),
    (Reason.OPTED_OUT_BY_DEFAULT, {"phones": (phone(4, DEFAULT),), "defaults": CLOSED}),
    (Reason.NO_TEXTABLE_PHONE, {"phones": (phone(5, DEFAULT, PhoneType.HOME),)}),
    (Reason.CARRIER_BLOCKED, {"sender": SenderFacts(True, BLOCKED, None, None, 9, 9)}),
    (
        Reason.NUMBER_LIMIT_REACHED,
        {"sender": SenderFacts(True, numbers_assigned=9, number_limit=9)},
    ),
    (Reason.POOL_EMPTY, {"sender": SenderFacts(True, numbers_assigned=8, number_limit=9)}),
    (Reason.MESSAGE_LIMIT_REACHED, {"usage": MonthUsage(700, 700)}),
]
REASONS = [reason for reason, _ in ORDER]


def obstacles(reason: Reason) -> dict[str, object]:
    """What makes this reason hold, and every later one too."""
    rows = [row for _, row in ORDER[REASONS.index(reason) :]]
    together = {key: value for row in reversed(rows) for key, value in row.items()}
    if together.get("phones"):
        together["phones"] = tuple(p for row in rows for p in row.get("phones", ()))
    return together


STOPPED_AT = {Reason.SMS_DISABLED: "texting", Reason.CARRIER_BLOCKED: "carrier"}
STOPPED_AT |= dict.fromkeys(REASONS[1:7], "phone")
STOPPED_AT |= {Reason.NUMBER_LIMIT_REACHED: "number", Reason.POOL_EMPTY: "number"}
STOPPED_AT |= {Reason.MESSAGE_LIMIT_REACHED: "limit"}


@pytest.mark.parametrize("reason", REASONS)
def test_d30_the_first_reason_that_holds_is_the_reason_and_the_message_goes_by_email(reason):
    decision = decide(facts(**obstacles(reason)))
    assert isinstance(decision, SendEmail)
    assert (decision.to, decision.reason) == (EMAIL, reason)
    assert (decision.steps[-2].rule, decision.steps[-2].result) == (STOPPED_AT[reason], reason)
    assert decision.steps[-1] == Step("email", "address", EMAIL)


@pytest.mark.parametrize("reason", REASONS)
def test_d10_d30_without_an_address_it_is_not_sent_and_the_reason_stays(reason):
    decision = decide(facts(**obstacles(reason), email=None))
    assert isinstance(decision, Refuse)
    assert decision.reason is reason
    assert decision.steps[-1] == Step("email", "no_email")


@pytest.mark.parametrize("reason", REASONS)
def test_d30_each_obstacle_alone_is_its_own_reason(reason):
    assert decide(facts(**dict(ORDER)[reason])).reason is reason


def test_d30_the_order_is_that_of_the_reasons_themselves_and_none_is_left_out():
    after = [Reason.DELIVERY_FAILED, Reason.INVALID_REPRESENTATIVE, *GOING]
    assert list(Reason) == REASONS + after


GOING = {
    Reason.ENABLED_PHONE: {},
    Reason.DEFAULT_PHONE: {"phones": (phone(1, DEFAULT),)},
    Reason.CHOSEN_PHONE: {"phones": (MOBILE, phone(2, ENABLED)), "chosen": 2},
    Reason.REPLY: {"phones": (phone(1, ENABLED), phone(2, DEFAULT)), "reply_to": 102},
}


@pytest.mark.parametrize("reason", GOING)
def test_d30_a_text_that_goes_says_why_this_phone_and_how_it_came_to_that(reason):
    changed = facts(**GOING[reason])
    decision = decide(changed)
    assert isinstance(decision, SendSms)
    assert decision.reason is reason
    assert decision.phone is changed.phones[-1]
    assert decision.sender == Sender(OWN)
    assert decision.segments == 1
    assert decision.steps == (
        Step("texting", "on"),
        Step("phone", reason, decision.phone.e164),
        Step("carrier", "not_blocked", OWN.e164),
        Step("number", "own", OWN.e164),
        Step("limit", "room", "12 of 700"),
    )


def test_s3_24_the_first_text_says_that_the_number_becomes_theirs():
    decision = decide(facts(sender=SenderFacts(True, next_free=FREE)))
    assert isinstance(decision, SendSms)
    assert decision.sender == Sender(FREE, assign=True)
    assert Step("number", "first_text", FREE.e164) in decision.steps


OFFICE = SharedNumber(FREE, "Admissions office", theirs=True, representative="Lee Park")


def test_an_answer_from_a_shared_number_says_whose_it_is_and_who_stands_for_the_unit():
    """Issue 5"""
    decision = decide(facts(sender=SenderFacts(True, OWN, shared=OFFICE)))
    assert isinstance(decision, SendSms)
    assert (decision.sender.number, decision.sender.assign) == (FREE, False)
    assert decision.steps[2:6] == (
        Step("written_to", "shared", "Admissions office"),
        Step("representative", "stands", "Lee Park"),
        Step("carrier", "not_blocked", FREE.e164),
        Step("number", "shared", FREE.e164),
    )


def test_somebody_of_another_unit_is_told_why_it_does_not_go_from_the_shared_number():
    """Issue 5"""
    decision = decide(facts(sender=SenderFacts(True, OWN, shared=replace(OFFICE, theirs=False))))
    assert isinstance(decision, SendSms)
    assert (decision.sender.number, decision.sender.shared) == (OWN, None)
    assert Step("written_to", "not_theirs", "Admissions office") in decision.steps


@pytest.mark.parametrize("email", [EMAIL, None])
def test_s4_21_without_a_representative_it_is_no_text_and_names_the_unit(email):
    """D10, D40: by email, as every dead end."""
    nobody = replace(OFFICE, representative=None)
    decision = decide(facts(sender=SenderFacts(True, OWN, shared=nobody), email=email))
    assert isinstance(decision, SendEmail if email else Refuse)
    assert decision.reason is Reason.INVALID_REPRESENTATIVE
    why = Step("representative", Reason.INVALID_REPRESENTATIVE, "Admissions office")
    assert decision.steps[-2] == why


def test_s0_23_without_a_limit_there_is_nothing_to_count():
    assert decide(facts(usage=MonthUsage(9_999, None))).steps[-1] == Step("limit", "unlimited")


def test_d27_segments_are_charged_where_the_institution_counts_them():
    three = measure("a" * 400)
    one_left = MonthUsage(699, 700, LimitUnit.SEGMENTS)
    assert decide(facts(usage=one_left)).channel is Channel.SMS
    assert decide(facts(usage=one_left, segments=three)).reason is Reason.MESSAGE_LIMIT_REACHED
    assert decide(facts(usage=MonthUsage(699, 700), segments=three)).channel is Channel.SMS


@pytest.mark.parametrize(
    ("changes", "detail"),
    [
        ({"phones": (phone(3, INVALID),)}, "+15125550103"),
        ({"sender": SenderFacts(True, BLOCKED)}, OWN.e164),
        ({"usage": MonthUsage(700, 700)}, "700 of 700"),
    ],
)
def test_the_deciding_step_names_what_it_was_about(changes, detail):
    assert decide(facts(**changes)).steps[-2].detail == detail


def test_d18_a_block_concerns_one_sender_and_one_number_of_theirs():
    other = OurNumber(7, "+15125550207", frozenset({999}))
    assert decide(facts(sender=SenderFacts(True, other))).channel is Channel.SMS
    blocked = decide(facts(sender=SenderFacts(True, next_free=BLOCKED)))
    assert blocked.reason is Reason.CARRIER_BLOCKED


def test_d29_a_reply_past_the_limit_goes_by_email_too():
    decision = decide(facts(reply_to=MOBILE.contact_id, usage=MonthUsage(700, 700)))
    assert (decision.channel, decision.reason) == (Channel.EMAIL, Reason.MESSAGE_LIMIT_REACHED)


def test_s4_34_a_phone_that_cannot_be_texted_is_not_replaced_by_another():
    decision = decide(facts(phones=(MOBILE, phone(2, OWN_STOP)), chosen=2))
    assert (decision.channel, decision.reason) == (Channel.EMAIL, Reason.OPTED_OUT)


@pytest.mark.parametrize("changes", [{}, *(row for _, row in ORDER)])
def test_an_email_that_was_asked_for_has_no_reason_and_asks_nothing_else(changes):
    decision = decide(facts(**changes, wants_email=True))
    assert decision == SendEmail(
        EMAIL, None, (Step("texting", "email_chosen"), Step("email", "address", EMAIL))
    )


def test_an_email_that_was_asked_for_without_an_address_is_refused():
    decision = decide(facts(wants_email=True, email=None))
    assert isinstance(decision, Refuse)
    assert decision.reason is None


@pytest.mark.parametrize(
    ("changes", "channel"),
    [({}, "sms"), ({"phones": ()}, "email"), ({"phones": (), "email": None}, "none")],
)
def test_d40_the_channel_is_said_in_the_words_of_the_api(changes, channel):
    assert decide(facts(**changes)).channel == channel
