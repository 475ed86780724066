"""Lost answers: whatever the provider says or does not say, a text is accepted there once."""

from collections import Counter
from datetime import datetime

from tests.helpers import until
from tests.school import School

UNCLEAR = (
    *("error_before", "drop_before", "hang_before", "redirect", "html"),  # not accepted
    *("error_after", "drop_after", "hang_after", "half_json"),  # accepted
)


def test_every_kind_of_lost_answer_is_one_text_in_the_end(school: School):
    """F27, F28, F34, F39, I6, I15: settled by a callback or by looking, never sent blind; what was
    written behind it to the same person leaves after it."""
    school.pool(1)
    dana = school.member()
    people = {fault: school.person("mobile") for fault in UNCLEAR}
    for fault, person in people.items():
        school.carrier.fault(school.account_sid, fault, to=person.numbers[0], count=1)
    sent = [dana.send(person, body)["id"] for person in people.values() for body in ("one", "two")]
    for message in sent:
        until(lambda id=message: dana.message(id)["status"] == "delivered", timeout=120)
    for fault, person in people.items():
        bodies = [text["body"] for text in school.ledger(person.numbers[0])]
        assert bodies == ["one", "two"], fault
    assert school.usage()["messages"]["used"] == len(sent)


def test_a_provider_that_asks_for_patience_gets_it(school: School):
    """F32: no call of this account before the time it named; then each text once."""
    school.pool(1)
    dana = school.member()
    people = [school.person("mobile") for _ in range(10)]
    school.carrier.fault(school.account_sid, "busy", count=1, seconds=3)
    sent = [dana.send(person)["id"] for person in people]
    for message in sent:
        dana.settled(message, "delivered")
    creates = school.carrier.creates(account_sid=school.account_sid)
    asked = next(at(c) for c in creates if not c["accepted"])
    under_way = 1  # seconds; those that were on the wire when the answer came
    too_soon = [c for c in creates if under_way < (at(c) - asked).total_seconds() < 3]
    assert too_soon == []
    assert Counter(c["to"] for c in creates if c["accepted"]) == Counter(
        person.numbers[0] for person in people
    )


def test_a_provider_that_hangs_holds_up_nobody_else(school: School):
    """F34: its account rests, other institutions text on; afterwards each text is there once."""
    school.pool(8)
    hung = school.carrier.fault(school.account_sid, "hang_before", count=None, seconds=60)
    staff = [school.member() for _ in range(8)]
    waiting = [(dana, dana.send(school.person("mobile"))["id"]) for dana in staff]
    until(lambda: [c for c in school.carrier.creates(account_sid=school.account_sid) if c["fault"]])
    with school.another() as other:
        other.pool(1)
        kim = other.member()
        kim.settled(kim.send(other.person("mobile"))["id"], "delivered")
    statuses = {dana.message(message)["status"] for dana, message in waiting}
    assert statuses <= {"queued", "sending", "unconfirmed"}
    school.carrier.clear_fault(hung)
    for dana, message in waiting:
        until(lambda d=dana, m=message: d.message(m)["status"] == "delivered", timeout=120)
    assert set(Counter(text["to"] for text in school.ledger()).values()) == {1}
    assert len(school.ledger()) == len(waiting)


def test_credentials_that_fail_stop_the_account_and_keep_its_queue(school: School):
    """F35, D35: nothing fails, an administrator is told once, and all goes on with new ones."""
    school.pool(1)
    dana, admin = school.member(), school.admin()
    people = [school.person("mobile") for _ in range(5)]
    denied = school.carrier.fault(school.account_sid, "denied", count=None)
    sent = [dana.send(person) for person in people]
    texts = [m["id"] for m in sent if m["channel"] == "sms"]  # later ones go by email at once
    (mail,) = until(lambda: school.mails(admin.email))
    assert "stands still" in mail["subject"]
    assert {dana.message(m)["status"] for m in texts} <= {"queued", "sending"}
    school.carrier.clear_fault(denied)
    school.resume()
    for message in texts:
        dana.settled(message, "delivered")
    assert len(school.ledger()) == len(texts)
    assert len(school.mails(admin.email)) == 1


def at(create: dict) -> datetime:
    return datetime.fromisoformat(create["at"])
