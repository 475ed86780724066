"""Consent: the whole table, one line per event; it is the specification (S3-45..S3-63, D13-D18)."""

from itertools import permutations, product

import pytest

from app.rules.consent import (
    BY_STAFF,
    DEFAULT,
    ENABLED,
    INVALID,
    OWN_STOP,
    PERSON_STOP,
    Consent,
    DisabledBy,
    SmsStatus,
    next_consent,
)
from app.rules.consent import ConsentEvent as Event

STATES = {"E": ENABLED, "D": DEFAULT, "O": OWN_STOP, "P": PERSON_STOP, "S": BY_STAFF, "X": INVALID}

# Enabled, Default; disabled by their Own stop, by a stop of the Person, by Staff, as invalid (X).
TABLE = {
    #                from: EDOPSX
    Event.OPTED_IN: "EEEEEE",  # S3-47, S3-58, D16: their wish, whatever the status was
    Event.OPTED_OUT: "OOOOOO",  # S3-51, S3-87, D14
    Event.PERSON_OPTED_OUT: "PPOPPP",  # S3-54, D14: the others too; an own STOP stays one
    Event.WROTE_FIRST: "EEOPSX",  # S3-48, S3-66, D17: wakes DEFAULT only
    Event.REPLIED: "EDOPSX",  # S3-49: changes nothing
    Event.NUMBER_INVALID: "XXOPSX",  # S3-52; who opted out stays opted out
    Event.HANDSET_UNKNOWN: "XXOPSX",  # S3-53
    Event.STAFF_ENABLED: "EEEEEE",  # S3-46
    Event.STAFF_DISABLED: "SSOPSS",  # S3-50; a STOP stays a STOP
    Event.STAFF_DEFAULT: "DDDDDD",  # S3-11: by hand only
}


@pytest.mark.parametrize(("event", "start"), list(product(Event, STATES)))
def test_every_pair_of_state_and_event(event, start):
    """S3-50, S3-52"""
    end = TABLE[event]["EDOPSX".index(start)]
    assert next_consent(STATES[start], event) == STATES[end]


def test_the_table_knows_every_state_there_can_be():
    possible = {Consent(SmsStatus.DISABLED, by) for by in DisabledBy} | {ENABLED, DEFAULT}
    assert set(STATES.values()) == possible


def test_s3_45_there_are_three_statuses_and_why_is_known_exactly_while_disabled():
    assert [s.value for s in SmsStatus] == ["enabled", "disabled", "default"]
    assert all((c.by is not None) == (c.status is SmsStatus.DISABLED) for c in STATES.values())


BY_ITSELF = set(Event) - {Event.OPTED_IN, Event.STAFF_ENABLED, Event.STAFF_DEFAULT}


def test_s3_63_a_decided_number_never_reverts_to_default_by_itself():
    decided = set(STATES.values()) - {DEFAULT}
    for state, event in product(decided, set(Event) - {Event.STAFF_DEFAULT}):
        assert next_consent(state, event) != DEFAULT


@pytest.mark.parametrize("events", list(permutations(sorted(BY_ITSELF), 2)))
def test_s3_66_a_disabled_number_is_woken_by_its_owner_or_by_staff_and_nobody_else(events):
    for state in (OWN_STOP, PERSON_STOP, BY_STAFF, INVALID):
        for event in events:
            state = next_consent(state, event)
        assert state.status is SmsStatus.DISABLED


def test_d17_writing_first_after_a_stop_does_not_undo_it():
    state = next_consent(next_consent(DEFAULT, Event.OPTED_OUT), Event.WROTE_FIRST)
    assert state == OWN_STOP


def test_d14_a_stop_of_the_person_may_come_before_or_after_the_numbers_own():
    for order in permutations([Event.OPTED_OUT, Event.PERSON_OPTED_OUT]):
        state = ENABLED
        for event in order:
            state = next_consent(state, event)
        assert state == OWN_STOP
