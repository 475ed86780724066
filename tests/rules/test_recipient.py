"""Recipient: which one of a person's numbers gets the text (S3-7..10, S3-64, S3-79..84, D8-D12)."""

from datetime import UTC, datetime
from itertools import combinations_with_replacement, permutations

import pytest

from app.rules.consent import BY_STAFF, DEFAULT, ENABLED, INVALID, OWN_STOP, PERSON_STOP
from app.rules.phones import PhoneType
from app.rules.reasons import Reason
from app.rules.recipient import Defaults, Phone, choose_phone

MOBILE, HOME, WORK, SYSTEM = PhoneType.MOBILE, PhoneType.HOME, PhoneType.WORK, PhoneType.SYSTEM
IN, OUT = Defaults(opted_in=True, phone_type=MOBILE), Defaults(opted_in=False, phone_type=MOBILE)
OLD, NEW = datetime(2026, 1, 5, tzinfo=UTC), datetime(2026, 3, 5, tzinfo=UTC)


def phone(id_, consent=DEFAULT, type_=MOBILE, verified=None, e164=None):
    return Phone(id_, 100 + id_, e164 or f"+1512555010{id_}", type_, consent, verified)


def chosen_id(phones, defaults=IN, **how):
    choice = choose_phone(phones, defaults, **how)
    return choice.phone.id if choice.phone else None, choice.reason


CASES = {
    "S3-8 an ENABLED number wins over a DEFAULT one of the default type": (
        [phone(1, DEFAULT, MOBILE, NEW), phone(2, ENABLED, HOME)],
        IN,
        (2, Reason.ENABLED_PHONE),
    ),
    "S3-8 an ENABLED number needs no opted-in default": (
        [phone(1, ENABLED, HOME)],
        OUT,
        (1, Reason.ENABLED_PHONE),
    ),
    "S3-9 else a DEFAULT number of the default type": (
        [phone(1, DEFAULT, HOME), phone(2, DEFAULT, MOBILE)],
        IN,
        (2, Reason.DEFAULT_PHONE),
    ),
    "S3-6 the default type is the institution's": (
        [phone(1, DEFAULT, MOBILE), phone(2, DEFAULT, HOME)],
        Defaults(opted_in=True, phone_type=HOME),
        (2, Reason.DEFAULT_PHONE),
    ),
    "S3-64, S3-79 several ENABLED: the latest verified": (
        [phone(1, ENABLED, verified=OLD), phone(2, ENABLED, HOME, NEW), phone(3, ENABLED)],
        IN,
        (2, Reason.ENABLED_PHONE),
    ),
    "S3-80, S3-82 several DEFAULT of the type: the latest verified": (
        [phone(1, DEFAULT, MOBILE), phone(2, DEFAULT, MOBILE, OLD), phone(3, DEFAULT, MOBILE, NEW)],
        IN,
        (3, Reason.DEFAULT_PHONE),
    ),
    "S3-81, D9 no verified dates: the lowest id": (
        [phone(3, ENABLED), phone(2, ENABLED), phone(5, ENABLED)],
        IN,
        (2, Reason.ENABLED_PHONE),
    ),
    "D9 the same date: the lowest id": (
        [phone(4, ENABLED, verified=NEW), phone(3, ENABLED, verified=NEW), phone(1, ENABLED)],
        IN,
        (3, Reason.ENABLED_PHONE),
    ),
    "S3-83 verified ranks valid numbers only: the wrong type is not valid": (
        [phone(1, DEFAULT, HOME, NEW), phone(2, DEFAULT, MOBILE)],
        IN,
        (2, Reason.DEFAULT_PHONE),
    ),
    "S3-83, D10 a verified DEFAULT number of the wrong type is not texted": (
        [phone(1, DEFAULT, HOME, NEW)],
        IN,
        (None, Reason.NO_TEXTABLE_PHONE),
    ),
    "S3-7, S3-10 neither ENABLED nor of the type": (
        [phone(1, DEFAULT, HOME), phone(2, DEFAULT, WORK)],
        IN,
        (None, Reason.NO_TEXTABLE_PHONE),
    ),
    "S3-4, S3-5, D8 the default for this kind of person is opted-out": (
        [phone(1, DEFAULT, MOBILE)],
        OUT,
        (None, Reason.OPTED_OUT_BY_DEFAULT),
    ),
    "S3-51 a DISABLED number is skipped, not the person": (
        [phone(1, OWN_STOP, MOBILE, NEW), phone(2, DEFAULT, MOBILE)],
        IN,
        (2, Reason.DEFAULT_PHONE),
    ),
    "D8 a number of ours is never chosen": (
        [phone(1, ENABLED, SYSTEM)],
        IN,
        (None, Reason.NO_PHONE),
    ),
    "D30 no phone at all": ([], IN, (None, Reason.NO_PHONE)),
    "D30 their own STOP": ([phone(1, OWN_STOP)], IN, (None, Reason.OPTED_OUT)),
    "D14, D30 a STOP from another number of theirs": (
        [phone(1, PERSON_STOP)],
        IN,
        (None, Reason.OPTED_OUT),
    ),
    "D30 disabled by staff": ([phone(1, BY_STAFF)], IN, (None, Reason.DISABLED_BY_STAFF)),
    "D30, S3-52 invalid": ([phone(1, INVALID)], IN, (None, Reason.NUMBER_INVALID)),
    "W16 a short code cannot be texted, whatever its status": (
        [phone(1, ENABLED, e164="40404")],
        IN,
        (None, Reason.NUMBER_INVALID),
    ),
    "D30 of several unusable ones, the one that would have been first: the verified one": (
        [phone(1, INVALID), phone(2, BY_STAFF, verified=NEW)],
        IN,
        (None, Reason.DISABLED_BY_STAFF),
    ),
    "D30 ... the lowest id": (
        [phone(2, BY_STAFF), phone(1, INVALID)],
        IN,
        (None, Reason.NUMBER_INVALID),
    ),
    "D30 ... the one of the default type": (
        [phone(1, DEFAULT, HOME, NEW), phone(2, DEFAULT, MOBILE)],
        OUT,
        (None, Reason.OPTED_OUT_BY_DEFAULT),
    ),
    "D30 ... a DISABLED one of another type before a DEFAULT one": (
        [phone(1, DEFAULT, MOBILE, NEW), phone(2, BY_STAFF, HOME)],
        OUT,
        (None, Reason.DISABLED_BY_STAFF),
    ),
    "D30 ... a DISABLED one before one of another type": (
        [phone(1, DEFAULT, HOME, NEW), phone(2, INVALID)],
        IN,
        (None, Reason.NUMBER_INVALID),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_choice_and_its_reason_in_whatever_order_the_phones_come(case):
    """S3-8..S3-10, S3-79, S3-80"""
    phones, defaults, expected = CASES[case]
    assert {chosen_id(order, defaults) for order in permutations(phones)} == {expected}


WROTE = 101  # the contact of phone 1


@pytest.mark.parametrize(
    ("consent", "type_", "defaults", "expected"),
    [
        (DEFAULT, MOBILE, IN, (1, Reason.REPLY)),
        (DEFAULT, HOME, IN, (1, Reason.REPLY)),  # not of the default type: they wrote from it
        (DEFAULT, MOBILE, OUT, (1, Reason.REPLY)),  # the default does not matter here
        (ENABLED, WORK, OUT, (1, Reason.REPLY)),
        (OWN_STOP, MOBILE, IN, (2, Reason.ENABLED_PHONE)),
        (INVALID, MOBILE, IN, (2, Reason.ENABLED_PHONE)),
        (ENABLED, SYSTEM, IN, (2, Reason.ENABLED_PHONE)),
    ],
)
def test_d12_an_answer_goes_to_the_number_that_wrote_unless_it_is_disabled(
    consent, type_, defaults, expected
):
    phones = [phone(2, ENABLED, verified=NEW), phone(1, consent, type_)]
    assert chosen_id(phones, defaults, reply_to=WROTE) == expected


def test_d12_a_number_that_is_no_longer_theirs_is_not_answered():
    assert chosen_id([phone(2, ENABLED)], reply_to=WROTE) == (2, Reason.ENABLED_PHONE)


def test_w16_an_address_that_cannot_be_answered_is_not():
    phones = [phone(1, DEFAULT, e164="NETGSM")]
    assert chosen_id(phones, reply_to=WROTE) == (None, Reason.NUMBER_INVALID)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (1, (1, Reason.CHOSEN_PHONE)),
        (2, (2, Reason.CHOSEN_PHONE)),
        (3, (None, Reason.NO_TEXTABLE_PHONE)),
        (4, (None, Reason.OPTED_OUT)),
        (5, (None, Reason.NO_PHONE)),  # ours
        (9, (None, Reason.NO_PHONE)),  # not of this person
    ],
)
def test_d11_by_hand_only_among_those_that_are_textable(chosen, expected):
    phones = [
        phone(1, ENABLED, HOME),
        phone(2, DEFAULT, MOBILE),
        phone(3, DEFAULT, HOME),
        phone(4, OWN_STOP),
        phone(5, ENABLED, SYSTEM),
    ]
    assert chosen_id(phones, chosen=chosen, reply_to=WROTE) == expected


def test_a_refusal_names_the_number_that_it_is_about():
    phones = [phone(1, DEFAULT, HOME), phone(2, INVALID)]
    assert choose_phone(phones, IN).about == phones[1].e164
    assert choose_phone([], IN).about == ""


@pytest.mark.parametrize(
    "consents",
    list(combinations_with_replacement([DEFAULT, OWN_STOP, PERSON_STOP, BY_STAFF, INVALID], 2)),
)
def test_whoever_has_no_textable_number_gets_a_reason_why_not(consents):
    choice = choose_phone([phone(n, c) for n, c in enumerate(consents, 1)], OUT)
    assert choice.phone is None
    assert choice.reason in list(Reason)[2:6]
