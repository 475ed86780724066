"""Access: who may do what, exactly as the table of D3 says, and which rows a viewer may see."""

import pytest

from app.rules.access import (
    EVERYBODY,
    STANDARD_ROLES,
    Can,
    Viewer,
    Whose,
    capabilities_of,
    conversation_audience,
    staff_audience,
)

ROLES = ["Administrator", "Manager", "Advisor", "Responder", "Auditor"]
D3 = """
    text.reply       x x x x -
    text.start       x x x - -
    text.bulk        x x - - -
    hours.override   x x - - -
    inbox.all        x x - - x
    inbox.unit       x x - - x
    people.read      x x x x x
    people.edit      x x x - -
    consent.edit     x x x - -
    people.import    x x - - -
    reports.read     x x - - x
    reports.export   x x - - x
    settings.edit    x - - - -
    numbers.manage   x - - - -
    staff.manage     x - - - -
    provider.edit    x - - - -
    limits.edit      x - - - -
    tokens.manage    x - - - -
    audit.read       x - - - x
"""
TABLE = {name: marks for name, *marks in (line.split() for line in D3.strip().splitlines())}


@pytest.mark.parametrize("role", ROLES)
def test_d3_what_each_role_may_do_and_nothing_else(role):
    """S0-2"""
    expected = {name for name, marks in TABLE.items() if marks[ROLES.index(role)] == "x"}
    assert capabilities_of([STANDARD_ROLES[role]]) == expected


def test_d3_the_capabilities_are_those_of_the_table():
    assert {can.value for can in Can} == TABLE.keys()


def test_d3_no_role_names_a_capability_twice():
    assert all(len(cans) == len(set(cans)) for _, cans in STANDARD_ROLES.values())


def test_d2_a_new_institution_has_these_roles():
    assert set(STANDARD_ROLES) == {*ROLES, "Student"}
    assert [kind for kind, _ in STANDARD_ROLES.values()] == ["staff"] * 5 + ["student"]


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ([], set()),
        ([("student", ["text.start"])], set()),  # S3-42: whatever is ticked on it
        ([("student", ["text.start", "text.reply"])], {"text.reply"}),
        ([("student", ["text.start"]), ("staff", ["text.start"])], {"text.start"}),  # D2, S3-14
        ([("staff", ["text.start"]), ("student", ["text.start"])], {"text.start"}),
        ([("staff", ["text.reply"]), ("staff", ["audit.read"])], {"text.reply", "audit.read"}),
        ([("staff", ["text.reply", "of.old", ""])], {"text.reply"}),  # unknown words give nothing
        ([("staff", iter(["text.start", "text.reply"]))], {"text.start", "text.reply"}),
        ([("staff", ["inbox.all"])], {"inbox.all", "inbox.unit"}),  # of a role older than units
        ([("staff", ["inbox.unit"])], {"inbox.unit"}),
    ],
)
def test_s3_14_s3_40_s3_42_roles_add_up_and_a_student_role_never_starts(roles, expected):
    assert capabilities_of(roles) == expected


def viewer(*capabilities: Can, staff_id: int = 4) -> Viewer:
    return Viewer(
        staff_id, 1, "Ana Ruiz", "ana@school.example", "UTC", "US", frozenset(capabilities)
    )


@pytest.mark.parametrize(
    ("capabilities", "holder", "sees"),
    [
        ((), 4, True),
        ((), 5, False),
        ((), None, False),  # D7: the unclaimed queue
        ((Can.INBOX_ALL,), 5, True),
        ((Can.INBOX_ALL,), None, True),
        (tuple(set(Can) - {Can.INBOX_ALL}), 5, False),  # no other capability opens it
        (tuple(set(Can) - {Can.INBOX_ALL}), None, False),
    ],
)
def test_d3_d7_own_conversations_and_with_inbox_all_everybodys(capabilities, holder, sees):
    assert viewer(*capabilities).may_see(Whose(holder)) is sees


@pytest.mark.parametrize("can", Can)
def test_a_viewer_can_what_they_were_given(can):
    assert viewer(can).can(can)
    assert not viewer(*(set(Can) - {can})).can(can)


@pytest.mark.parametrize("holder", [4, 5, None])
@pytest.mark.parametrize("capabilities", [(), (Can.INBOX_ALL,), (Can.PEOPLE_READ,)])
def test_an_event_reaches_exactly_those_who_may_see_its_conversation(capabilities, holder):
    asked = viewer(*capabilities)
    heard = bool(asked.audience & set(conversation_audience(Whose(holder))))
    assert heard is asked.may_see(Whose(holder))


def test_an_audience_holds_everybody_themselves_and_their_capabilities():
    assert viewer(Can.AUDIT_READ).audience == {EVERYBODY, staff_audience(4), "audit.read"}
    assert staff_audience(4) != staff_audience(41)


def test_who_covers_answers_for_the_holder_and_hears_the_same():
    """Cover: their conversations, not what nobody holds, and not those of others."""
    kim = Viewer(2, 1, "Kim", "k@x.example", "UTC", "US", covers=frozenset({5}))
    found = [kim.may_see(Whose(holder)) for holder in (2, 5, 6, None)]
    assert found == [True, True, False, False]
    assert kim.answers_for(5) and not kim.answers_for(None)
    assert kim.audience == {"everybody", "staff:2", "staff:5"}


LOOKS_AFTER = Viewer(2, 1, "Kim", "k@x.example", "UTC", "US", unit=7, units=frozenset({7, 8}))


@pytest.mark.parametrize(
    ("whose", "sees"),
    [
        (Whose(2), True),  # their own, wherever it is
        (Whose(2, 9), True),
        (Whose(5, 7), True),
        (Whose(5, 8), True),  # below theirs
        (Whose(5, 9), False),  # the neighbour's
        (Whose(5), False),  # in no unit
        (Whose(None, 8), True),  # D7: the queue of the unit
        (Whose(None, 9), False),
        (Whose(None), False),
    ],
)
def test_c_19_whoever_looks_after_a_unit_sees_and_hears_it_and_no_other(whose, sees):
    """Said of one conversation and said to sockets is the same."""
    assert LOOKS_AFTER.may_see(whose) is sees
    assert bool(LOOKS_AFTER.audience & set(conversation_audience(whose))) is sees


@pytest.mark.parametrize(
    ("whose", "hands_on"),
    [
        (Whose(2, 7), True),
        (Whose(None, 8), True),  # whoever may take it
        (Whose(5, 7), False),  # to see it is not to take it from them
        (Whose(None, 9), False),
        (Whose(None), False),
    ],
)
def test_d7_whoever_looks_after_a_unit_hands_on_what_nobody_holds_there(whose, hands_on):
    assert LOOKS_AFTER.may_hand_on(whose) is hands_on


def test_being_in_a_unit_alone_shows_nothing_of_it():
    in_it = Viewer(2, 1, "Kim", "k@x.example", "UTC", "US", unit=7)
    assert not in_it.may_see(Whose(5, 7))
    assert not in_it.sees_more
