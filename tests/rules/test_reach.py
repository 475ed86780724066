"""How somebody can be reached at a glance, one line per case."""

import pytest

from app.rules.consent import BY_STAFF, DEFAULT, ENABLED, INVALID, OWN_STOP, PERSON_STOP
from app.rules.phones import PhoneType
from app.rules.reach import How, reach
from app.rules.recipient import Defaults, Phone

M, H = PhoneType.MOBILE, PhoneType.HOME
IN, OUT = Defaults(True, M), Defaults(False, M)
MAIL = "maya@students.example"


def phone(id_, type_, consent):
    return Phone(id_, 100 + id_, f"+1512555010{id_}", type_, consent)


TABLE = [
    # phones, defaults, email, said STOP, last wrote from → how, which phone
    ([], IN, MAIL, False, None, How.EMAIL, None),
    ([], IN, None, False, None, How.NOTHING, None),
    ([], IN, "", False, None, How.NOTHING, None),
    ([], IN, MAIL, True, None, How.OPTED_OUT, None),
    ([(M, DEFAULT)], IN, MAIL, False, None, How.TEXT, 1),
    ([(M, DEFAULT)], OUT, MAIL, False, None, How.EMAIL, None),
    ([(H, DEFAULT)], IN, MAIL, False, None, How.EMAIL, None),
    ([(H, DEFAULT)], IN, MAIL, False, 101, How.TEXT, 1),  # they wrote from it (D12)
    ([(H, ENABLED), (M, DEFAULT)], IN, MAIL, False, None, How.TEXT, 1),
    ([(M, OWN_STOP)], IN, MAIL, True, None, How.OPTED_OUT, None),
    ([(M, PERSON_STOP)], IN, None, False, None, How.OPTED_OUT, None),
    ([(M, OWN_STOP), (H, ENABLED)], IN, MAIL, True, None, How.TEXT, 2),  # enabled by hand since
    ([(M, BY_STAFF)], IN, MAIL, False, None, How.EMAIL, None),
    ([(M, INVALID)], IN, None, False, None, How.NOTHING, None),
]


@pytest.mark.parametrize(("phones", "defaults", "email", "stopped", "wrote", "how", "which"), TABLE)
def test_how_somebody_can_be_reached(phones, defaults, email, stopped, wrote, how, which):
    """D8, D12, S3-84"""
    numbered = [phone(n, *each) for n, each in enumerate(phones, 1)]
    found = reach(numbered, defaults, email=email, opted_out=stopped, reply_to=wrote)
    assert (found.how, found.phone and found.phone.id) == (how, which)
