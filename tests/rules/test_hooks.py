"""Hooks: which addresses may be called, what is signed, and what an answer means (C-32)."""

import pytest

from app.rules import hooks
from app.rules.access import Can
from app.rules.hooks import BadAddress, Verdict, checked, may_reach, signature, verdict, wait

GOOD = {
    "https://hooks.school.example/x?y=1": "https://hooks.school.example/x?y=1",
    "HTTPS://A.Example:8443/ä": "https://a.example:8443/%C3%A4",
    "https://münchen.example/": "https://xn--mnchen-3ya.example/",
    "https://8.8.8.8/": "https://8.8.8.8/",
    " https://a.example/x#part ": "https://a.example/x",
    # One reader: what the client would call is what was checked.
    "https://a.example\\@10.0.0.1/": "https://a.example/%5C@10.0.0.1/",
}
BAD = [
    ("http://a.example", "begins with https://"),
    ("ftp://a.example", "begins with https://"),
    ("javascript:alert(1)", "begins with https://"),
    ("a.example/x", "begins with https://"),
    ("", "begins with https://"),
    ("https://", "cannot|not an address"),
    ("https:///x", "not an address"),
    ("https://a.example:0/", "not an address"),
    ("https://a.example:99999/", "not an address"),
    ("https://a b.example/", "not an address"),
    ("https://u:p@a.example/", "name and the password"),
    ("https://a.example/" + "x" * 500, "500 characters"),
    ("https://127.0.0.1/", "inside a network"),
    ("https://%31%32%37.0.0.1/", "inside a network"),
    ("https://10.1.2.3/", "inside a network"),
    ("https://169.254.169.254/latest", "inside a network"),
    ("https://[::1]/", "inside a network"),
    ("https://[::ffff:10.0.0.1]/", "inside a network"),
    ("https://[fd00::1]:8443/", "inside a network"),
    ("https://localhost/", "inside a network"),
    ("https://app.localhost/", "inside a network"),
    ("https://intranet/", "inside a network"),
    ("https://2130706433/", "inside a network"),
    ("https://printer.local./", "inside a network"),
]
OUTSIDE = ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8"]
INSIDE = [
    *["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254"],
    *["0.0.0.0", "192.0.0.1", "192.0.2.1", "192.88.99.1", "198.18.0.1", "224.0.0.1", "240.0.0.1"],
    *["255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254"],
    *["fec0::1", "ff02::1", "2001:db8::1", "3fff::1", "5f00::1"],
    # Wrapped: the other side of a gateway may be inside.
    *["::ffff:127.0.0.1", "::ffff:10.0.0.1", "::7f00:1", "64:ff9b::7f00:1", "64:ff9b:1::1"],
    *["2002:7f00:1::", "2001:0:53aa:64c::1"],
]


@pytest.mark.parametrize(("typed", "called"), GOOD.items())
def test_an_address_of_the_internet_may_be_told(typed, called):
    assert checked(typed, loopback=False).url == called


@pytest.mark.parametrize(("typed", "why"), BAD)
def test_any_other_is_refused_with_the_reason(typed, why):
    with pytest.raises(BadAddress, match=why):
        checked(typed, loopback=False)


@pytest.mark.parametrize("here", ["http://127.0.0.1:99/x", "http://localhost/", "http://[::1]:8/"])
def test_this_machine_may_be_told_only_where_it_is_tried_out(here):
    assert checked(here, loopback=True).url == here
    with pytest.raises(BadAddress):
        checked(here, loopback=False)


@pytest.mark.parametrize("other", ["http://127.0.0.2/", "http://a.example/", "https://10.0.0.1/"])
def test_nothing_else_changes_there(other):
    with pytest.raises(BadAddress):
        checked(other, loopback=True)


@pytest.mark.parametrize("address", OUTSIDE)
def test_addresses_of_the_internet(address):
    assert may_reach(address, loopback=False)


@pytest.mark.parametrize("address", INSIDE)
def test_addresses_inside(address):
    assert not may_reach(address, loopback=False)
    assert may_reach(address, loopback=True) is (
        address in {"127.0.0.1", "::1", "::ffff:127.0.0.1"}
    )


def test_the_signature_is_that_of_standard_webhooks():
    """Their own library signs this example so."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"type":"message.created"}'
    theirs = "v1,zIeLVZhn7zNGuMudQlQaxIEIWeMt+t4DecJ3guDjpms="
    assert signature([secret], "evt_1_41", 1795291200, body) == theirs
    both = signature([hooks.PREFIX + hooks.as_key(b"new"), secret], "evt_1_41", 1795291200, body)
    assert both.split(" ")[1] == theirs
    assert both.split(" ")[0] != theirs


@pytest.mark.parametrize(
    ("status", "means"),
    [
        (200, Verdict.TAKEN),
        (204, Verdict.TAKEN),
        (299, Verdict.TAKEN),
        (None, Verdict.LATER),
        (301, Verdict.LATER),
        (400, Verdict.LATER),
        (404, Verdict.LATER),
        (429, Verdict.LATER),
        (500, Verdict.LATER),
        (410, Verdict.GONE),
    ],
)
def test_what_an_answer_means(status, means):
    assert verdict(status) is means


def test_tries_are_ever_rarer_up_to_a_limit():
    assert [wait(n, 15, 1800) for n in (0, 1, 2, 3, 8, 9, 10_000)] == [
        *[15, 15, 30, 60, 1800, 1800, 1800]
    ]


def test_who_hands_on_an_event_may_see_its_rows():
    """D3: every event has a right, and messages are everybody's."""
    assert hooks.needed(hooks.CHOICES) == {Can.INBOX_ALL, Can.PEOPLE_READ, Can.NUMBERS_MANAGE}
    assert hooks.needed(["message.created"]) == {Can.INBOX_ALL}
    assert hooks.needed([hooks.TEST]) == set()


@pytest.mark.parametrize("status", [302, 400, 401, 404, 410, 429, 500])
def test_an_answer_is_told_in_words_with_its_number(status):
    assert hooks.said(status).startswith(f"Answered {status}")
