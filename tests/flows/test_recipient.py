"""The recipient: which phone gets the text, or why it goes by email (D8..D12, D30, D40).

Every case is told three times, and each time the same must come of it: by the dry run, by "a text
or nothing", and by the send.
"""

import html
import re
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from app.rules.phones import pretty
from tests.helpers import until
from tests.reading import plain
from tests.school import Member, School, Someone


@dataclass(frozen=True)
class Case:
    """`phones`: "home enabled" is a type and a status, DEFAULT where none is named.

    `texted`: the place of the chosen phone in `phones`; None = by email. `verified`: places, in the
    order in which somebody verified them.
    """

    phones: tuple[str, ...]
    reason: str
    texted: int | None = None
    verified: tuple[int, ...] = ()
    kind: str = "student"
    pool: int = 1
    settings: dict[str, Any] = field(default_factory=dict)


def case(rule: str, *phones: str, to: int | None, why: str, **more: Any) -> Any:
    fields = {k: more.pop(k) for k in ("verified", "kind", "pool") if k in more}
    return pytest.param(Case(phones, why, to, **fields, settings=more), id=rule)


BY_TEXT = [
    case("S3-9", "mobile", to=0, why="default_phone"),
    case("S3-6", "mobile", "work", to=1, why="default_phone", default_phone_type="work"),
    # An ENABLED number comes before a DEFAULT one, of whatever type, whatever the default.
    case("S3-8", "mobile", "home enabled", to=1, why="enabled_phone", verified=(0,)),
    case("S3-61", "home enabled", to=0, why="enabled_phone", student_default="opted_out"),
    # Among equals the latest verified; without any, the same number every time.
    case("S3-64", "home enabled", "work enabled", to=1, why="enabled_phone", verified=(0, 1)),
    case("S3-79", "home enabled", "work enabled", to=0, why="enabled_phone", verified=(1, 0)),
    case("S3-80", "mobile", "mobile", to=1, why="default_phone", verified=(1,)),
    case("S3-82", *["mobile"] * 3, to=1, why="default_phone", verified=(2, 0, 1)),
    case("S3-81", "mobile", "mobile", to=0, why="default_phone"),
    case("S3-81 enabled", "work enabled", "home enabled", to=0, why="enabled_phone"),
    # Verified ranks valid numbers only.
    case("S3-83", "home", "mobile", to=1, why="default_phone", verified=(0,)),
    case("S3-50", "mobile disabled", "mobile", to=1, why="default_phone", verified=(0,)),
    # Each kind of person has its own default.
    case("S3-5", "mobile", to=0, why="default_phone", kind="staff", student_default="opted_out"),
    case("S3-4", "mobile", to=0, why="default_phone", staff_default="opted_out"),
]

BY_EMAIL = [
    case("S4-18", to=None, why="no_phone"),
    case("S3-7", "home", to=None, why="no_textable_phone"),
    case("S3-83", "home", "work", to=None, why="no_textable_phone", verified=(0,)),
    case("S3-50", "mobile disabled", to=None, why="disabled_by_staff"),
    case("S3-66", "mobile disabled", "home", to=None, why="disabled_by_staff"),
    case("S3-4", "mobile", to=None, why="opted_out_by_default", student_default="opted_out"),
    case(
        "S3-5", "mobile", to=None, why="opted_out_by_default", kind="staff",
        staff_default="opted_out",
    ),
    *(
        case(
            f"D8 {kind}", "mobile", to=None, why="opted_out_by_default", kind=kind,
            student_default="opted_out",
        )
        for kind in ("guardian", "prospect", "unknown")
    ),
    case("S4-20", "mobile", to=None, why="sms_disabled", sms_enabled=False),
    case("S3-26", "mobile", to=None, why="number_limit_reached", number_limit=0),
    case("D24", "mobile", to=None, why="pool_empty", pool=0),
    case("S3-20", "mobile", to=None, why="message_limit_reached", message_limit=0),
    # Of several reasons the first in the order of D30.
    case("D30 texting", to=None, why="sms_disabled", sms_enabled=False, number_limit=0),
    case("D30 phone", "home", to=None, why="no_textable_phone", number_limit=0, pool=0),
    case("D30 seats", "mobile", to=None, why="number_limit_reached", number_limit=0, pool=0),
    case("D30 pool", "mobile", to=None, why="pool_empty", message_limit=0, pool=0),
]  # fmt: skip

# What the person who gets the email reads after "because"; nothing about our own limits.
SAYS = {
    "sms_disabled": "our texting is switched off",
    "no_phone": "we have no phone number of yours",
    "opted_out": "you opted out of texts",
    "disabled_by_staff": "texts to your number are switched off",
    "number_invalid": "the number we have of yours cannot get texts",
    "opted_out_by_default": "you have not asked for texts",
    "no_textable_phone": "we have no number of yours that gets texts",
    "carrier_blocked": "your phone company blocks our number",
    "number_limit_reached": "it could not be sent as a text",
    "pool_empty": "it could not be sent as a text",
    "message_limit_reached": "it could not be sent as a text",
}


def scene(school: School, case: Case, email: str | None = "") -> Someone:
    words = [phone.partition(" ") for phone in case.phones]
    person = school.person(*(kind for kind, _, _ in words), kind=case.kind, email=email)
    for place, (_, _, status) in enumerate(words):
        if status:
            school.set_status(person, place, status)
    for place in case.verified:
        school.verify(person, place)
    return person


def goes_by_text(school: School, dana: Member, person: Someone, number: str, reason: str) -> None:
    """All three say this number, and exactly one text arrives, there (S3-84)."""
    before = len(school.ledger())
    dry = dana.route(person)
    sent = dana.send(person, channel="sms")
    told = ("sms", reason, number, sent["from"])
    assert (dry["channel"], dry["reason"], dry["phone"], dry["sender"]) == told
    assert (sent["channel"], sent["reason"], sent["to"]) == told[:3]
    dana.settled(sent["id"], "delivered")
    assert [text["to"] for text in school.ledger()[before:]] == [number]


def goes_by_email(school: School, dana: Member, person: Someone, reason: str) -> None:
    """All three say the same reason; a text or nothing is nothing, and the email arrives (D40)."""
    before = school.usage(), len(school.ledger()), dana.said_to(person)
    mails = len(school.mails(person.email)) if person.email else 0
    channel = "email" if person.email else "none"
    dry = dana.route(person)
    assert (dry["channel"], dry["reason"]) == (channel, reason)
    assert (dry["phone"], dry["sender"]) == (None, None)

    refused = dana.tries(person, channel="sms")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, reason)
    assert (school.usage(), len(school.ledger()), dana.said_to(person)) == before

    sent = dana.send(person, "See you on Monday")
    assert (sent["channel"], sent["reason"], sent["to"]) == (channel, reason, person.email)
    assert (school.usage(), len(school.ledger())) == before[:2]
    if person.email:
        dana.settled(sent["id"], "sent")
        mail = school.mails(person.email)[mails]
        for part in ("text", "html"):
            assert f"This came as an email because {SAYS[reason]}" in mail[part]
    else:
        assert (sent["status"], sent["error"]["code"]) == ("not_sent", "no_email")
        assert dana.said_to(person)[-1]["id"] == sent["id"]


@pytest.mark.parametrize("case", BY_TEXT)
def test_the_phone_that_is_texted(school, case):
    """S3-5, S3-6, S3-8, S3-9, S3-64, S3-65, S3-70, S3-79..S3-82, S3-84"""
    school.pool(1)
    person, dana = scene(school, case), school.member()
    school.settings(**case.settings)
    goes_by_text(school, dana, person, person.numbers[case.texted], case.reason)


@pytest.mark.parametrize("case", BY_EMAIL)
def test_the_reason_for_an_email(school, case):
    """With an address by email, without one not at all: the sender is told at once (S3-4, S3-5,
    S3-7, S3-10, S3-83, S4-18, S4-20, D10)."""
    if case.pool:
        school.pool(case.pool)
    reachable, unreachable = scene(school, case), scene(school, case, email=None)
    dana = school.member()
    if case.settings:
        school.settings(**case.settings)
    goes_by_email(school, dana, reachable, case.reason)
    goes_by_email(school, dana, unreachable, case.reason)


# Reasons that only something that happened before can give


def opted_out(school: School, dana: Member, maya: Someone, ours: str) -> None:
    school.texts(maya.numbers[0], ours, "STOP")


def blocked(school: School, dana: Member, maya: Someone, ours: str) -> None:
    """Staff enabled the number again, but its carrier still blocks the one it said STOP to."""
    opted_out(school, dana, maya, ours)
    school.set_status(maya, 0, "enabled")


def landline(school: School, dana: Member, maya: Someone, ours: str) -> None:
    """The provider refused the first text: 21614."""
    school.carrier.handset(maya.numbers[0], behaviour="landline")
    dana.settled(dana.send(maya)["id"], "sent")
    assert school.phone_status(maya) == ["disabled"]


@pytest.mark.parametrize(
    ("happened", "reason"),
    [
        pytest.param(opted_out, "opted_out", id="S3-51"),
        pytest.param(blocked, "carrier_blocked", id="D18"),
        pytest.param(landline, "number_invalid", id="S3-52"),
    ],
)
def test_the_reason_that_history_gives(school, happened, reason):
    (ours,) = school.pool(1)
    dana, maya, ana = school.member(), school.person("mobile"), school.person("mobile")
    dana.send(ana)  # so that the number is Dana's
    happened(school, dana, maya, ours)
    until(lambda: school.ledger(ana.numbers[0]))
    goes_by_email(school, dana, maya, reason)


def test_a_stopped_account_sends_by_email(school):
    """D30, D35: the provider account is stopped, and texting is off until it works again."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    with school.account_stopped():
        goes_by_email(school, dana, maya, "sms_disabled")
    goes_by_text(school, dana, maya, maya.numbers[0], "default_phone")


def test_an_answer_goes_to_the_number_that_wrote(school):
    """D12: neither enabled nor of the default type, with a better phone beside it. A DISABLED one
    gets no answer (S3-66)."""
    (ours,) = school.pool(1)
    dana, maya = school.member(), scene(school, Case(("mobile enabled", "home"), ""))
    dana.settled(dana.send(maya)["id"], "delivered")
    school.texts(maya.numbers[1], ours, "Use this number please")
    school.set_status(maya, 1, "default")
    goes_by_text(school, dana, maya, maya.numbers[1], "reply")
    school.set_status(maya, 1, "disabled")
    goes_by_text(school, dana, maya, maya.numbers[0], "enabled_phone")


def test_a_number_of_ours_is_never_texted(school):
    """S3-31, S3-57, D8: it shows on its holder's record, and is no phone of theirs."""
    school.pool(1)
    dana, lee = school.member(), school.member(name="Lee Morgan")
    dana.settled(dana.send(school.person("mobile"))["id"], "delivered")
    (record,) = lee.api.get("/people", params={"q": "Whitfield"}).json()["items"]
    assert [(p["type"], p["text_msg_only"]) for p in record["phones"]] == [("system", True)]
    goes_by_email(school, lee, Someone(record["id"], record["email"], [], []), "no_phone")
    consent = f"/phones/{record['phones'][0]['id']}/consent"
    refused = school.admin().api.post(consent, json={"status": "enabled", "reason": "x"})
    assert refused.status_code == 404


@pytest.mark.parametrize(
    ("phone", "settings", "reason"),
    [
        ("home enabled", {}, None),
        ("mobile", {}, None),
        ("home", {}, "no_textable_phone"),
        ("home disabled", {}, "disabled_by_staff"),
        ("mobile", {"student_default": "opted_out"}, "opted_out_by_default"),
    ],
)
def test_a_phone_chosen_by_hand(school, phone, settings, reason):
    """S4-34, S4-36, S4-37, D11: among the textable ones; another is a problem of its field, not an
    email."""
    school.pool(1)
    maya, dana = scene(school, Case(("mobile enabled", phone), "")), school.member()
    if settings:
        school.settings(**settings)
    chosen = maya.phone_ids[1]
    if reason is None:
        assert dana.route(maya, phone_id=chosen)["phone"] == maya.numbers[1]
        sent = dana.send(maya, phone_id=chosen)
        assert (sent["reason"], sent["to"]) == ("chosen_phone", maya.numbers[1])
        return
    for channel in (None, "sms"):  # checked before the route
        refused = dana.tries(maya, phone_id=chosen, channel=channel)
        assert refused.status_code == 422
        assert refused.json()["error"]["code"] == reason
        assert [f["field"] for f in refused.json()["error"]["fields"]] == ["phone_id"]
    assert dana.route(maya, phone_id=chosen)["error"]["code"] == reason
    assert dana.said_to(maya) == []


def offered(browser: httpx.Client, person: Someone) -> tuple[list[str], str]:
    """On the page of a new text: the phones to choose from, and all that it says."""
    page = html.unescape(browser.get("/inbox/new", params={"person": person.id}).text)
    choices = re.findall(r'<option value="\d+"[^>]*>([^<]+)</option>', page)
    return choices, plain(page)


def test_the_phones_that_are_offered(school):
    """S4-28, S4-32, S4-33: all of theirs; a single one is no choice; and nobody, no box."""
    school.pool(1)
    dana, one, none = school.member(), school.person("mobile"), school.person()
    several = scene(school, Case(("mobile", "home enabled", "work disabled"), ""))
    with school.browser(dana) as browser:
        assert "<textarea" not in browser.get("/inbox/new").text
        mobile, home, work = (pretty(number, "US") for number in several.numbers)
        choices, page = offered(browser, several)
        assert choices == [
            f"{mobile}, mobile, SMS Default",
            f"{home}, home, SMS Enabled",
            f"{work}, work, SMS Disabled",
        ]
        assert f"Text to {home} from" in page  # the rules', until one chooses
        choices, page = offered(browser, one)
        assert choices == []
        assert f"Text to {pretty(one.numbers[0], 'US')} from" in page
        assert offered(browser, none)[0] == []


def test_a_phone_of_somebody_else_cannot_be_chosen(school):
    school.pool(1)
    dana, maya, ana = school.member(), school.person("mobile"), school.person("mobile")
    assert dana.tries(maya, phone_id=ana.phone_ids[0]).status_code == 422
