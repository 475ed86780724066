"""Tracking: what the provider reports, in whatever order and however often."""

from itertools import permutations

from sqlalchemy import func, select

from app.database import db
from app.models import Attempt, Email
from app.rules.lifecycle import BY_WORD
from tests.helpers import until
from tests.provider import Provider, new_sid, row_counts
from tests.school import School, at_once


def silent_text(school, dana, person, body: str = "Hello") -> tuple[dict, str]:
    """A text that the carrier took and says nothing about by itself; the message and its sid."""
    school.carrier.handset(person.numbers[0], behaviour="silent")
    sent = dana.settled(dana.send(person, body)["id"], "accepted")
    return sent, sent["provider_sid"]


def attempt_of(school: School, message_id: int) -> str:
    with school.app.app_context():
        found = db.session.execute(
            select(Attempt.uuid).where(Attempt.message_id == message_id)
        ).scalar_one()
        db.session.remove()
    return str(found)


def emails_of(school: School, to: str | None) -> int:
    """How many emails there are to this address, sent or not yet."""
    with school.app.app_context():
        count = db.session.execute(
            select(func.count()).select_from(Email).where(Email.to_address == to)
        ).scalar_one()
        db.session.remove()
    return count


def test_every_order_of_reports_ends_the_same(school):
    """S1-10, S1-12, I16, D31, F40, F41: 24 orders, each report twice; never backwards where a
    browser looks."""
    dana, _ = school.holder()
    reports = [("sending", None), ("sent", None), ("undelivered", 30008), ("delivered", None)]
    for order in permutations(reports):
        maya = school.person("mobile")
        sent, sid = silent_text(school, dana, maya)
        for status, code in order:
            for _ in range(2):
                assert school.carrier.callback(sid, status, code)["status"] == 200
        message = dana.message(sent["id"])
        assert (message["status"], message["error"]) == ("delivered", None), order
        failed_first = order.index(reports[2]) < order.index(reports[3])
        assert emails_of(school, maya.email) == int(failed_first), order  # one, or none needed
    told: dict[int, list[int]] = {}
    for event in dana.events():
        if event["name"] == "message.status_changed":
            told.setdefault(event["ids"]["message"], []).append(BY_WORD[event["status"]])
    assert len(told) == 24 + 1  # and the holder's first text
    assert [steps for steps in told.values() if steps != sorted(steps)] == []


def test_every_order_without_a_good_end(school):
    """S1-13, S1-19, I16: nothing that comes after a failure makes it look better, or sends a second
    email."""
    dana, _ = school.holder()
    reports = [("queued", None), ("sending", None), ("sent", None), ("undelivered", 30008)]
    for order in permutations(reports):
        maya = school.person("mobile")
        sent, sid = silent_text(school, dana, maya)
        for status, code in order * 2:
            school.carrier.callback(sid, status, code)
        message = dana.message(sent["id"])
        assert (message["status"], message["error"]["code"]) == ("undelivered", "30008"), order
        assert emails_of(school, maya.email) == 1, order


def test_reports_at_the_same_moment_are_one_change(school):
    """F40: five times at once, one event."""
    dana, _ = school.holder()
    maya, provider = school.person("mobile"), Provider(school)
    sent, sid = silent_text(school, dana, maya)
    path = f"status/{attempt_of(school, sent['id'])}"
    form = provider.report(sid, "delivered")
    answers = at_once(*(lambda: provider.post(form, path) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    told = [e for e in dana.events() if e["ids"].get("message") == sent["id"]]
    assert [e["status"] for e in told if e["name"] == "message.status_changed"] == [
        "accepted",
        "delivered",
    ]


def test_a_report_that_comes_before_our_own_record_is_not_lost(school):
    """I17: the carrier has it and says so while its answer is still on the way to us."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    school.carrier.handset(maya.numbers[0], behaviour="silent")
    school.carrier.change_account(school.account_sid, latency_ms=1800)
    sent = dana.send(maya)
    (text,) = until(lambda: school.ledger(maya.numbers[0]))
    assert dana.message(sent["id"])["provider_sid"] is None
    assert school.carrier.callback(text["sid"], "delivered")["status"] == 200
    school.carrier.change_account(school.account_sid, latency_ms=0)
    message = dana.message(sent["id"])
    assert (message["status"], message["provider_sid"]) == ("delivered", text["sid"])
    school.carrier.handset(maya.numbers[0], behaviour="delivered")
    dana.settled(dana.send(maya, "The next one")["id"], "delivered")  # after the late answer
    assert dana.message(sent["id"])["status"] == "delivered"
    assert len(school.ledger(maya.numbers[0])) == 2


def test_a_report_of_somebody_else_changes_nothing(school):
    """I18, W3, W27: another account, an unknown attempt, another message, a word of no meaning."""
    dana, _ = school.holder()
    maya, provider = school.person("mobile"), Provider(school)
    sent, sid = silent_text(school, dana, maya)
    path = f"status/{attempt_of(school, sent['id'])}"
    with school.another() as other:
        stranger = Provider(other)
        before = row_counts(school)
        assert stranger.post(stranger.report(sid, "delivered"), path).status_code == 200
        forged = provider.report(sid, "delivered")
        assert provider.post(forged, path, secret=other.account_secret).status_code == 403
        unknown = provider.post(forged, "status/00000000-0000-4000-8000-000000000000")
        assert unknown.status_code == 200
        assert provider.post(forged, "status/no-uuid").status_code == 200
        assert provider.post(provider.report(new_sid(), "delivered"), path).status_code == 200
        assert row_counts(school) == before
    message = dana.message(sent["id"])
    assert (message["status"], message["provider_sid"]) == ("accepted", sid)


def test_a_word_of_no_meaning_changes_no_status(school):
    """W27: answered, kept in the log of reports, and nothing else."""
    dana, _ = school.holder()
    maya, provider = school.person("mobile"), Provider(school)
    sent, sid = silent_text(school, dana, maya)
    path = f"status/{attempt_of(school, sent['id'])}"
    before = row_counts(school)
    for word in ("banana", "", "x" * 5000):
        assert provider.post(provider.report(sid, word), path).status_code == 200
    after = row_counts(school)
    assert {name for name in after if after[name] != before[name]} == {"delivery_report"}
    assert dana.message(sent["id"])["status"] == "accepted"
    assert provider.post(provider.report(sid, "delivered"), path).status_code == 200
    assert dana.message(sent["id"])["status"] == "delivered"


def test_a_late_delivered_is_recorded_and_sends_no_second_email(school):
    """D35, I12, F43: the text arrived after all; the email is out, and stays the only one."""
    dana, _ = school.holder()
    maya = school.person("mobile")
    sent, sid = silent_text(school, dana, maya, "Your hold is cleared")
    school.carrier.callback(sid, "undelivered", 30008)
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]
    failed = dana.message(sent["id"])
    assert (failed["status"], failed["reason"]) == ("undelivered", "delivery_failed")
    until(lambda: dana.message(sent["id"])["email"] == {"status": "sent", "to": maya.email})
    school.carrier.callback(sid, "delivered")
    message = dana.message(sent["id"])
    assert (message["status"], message["error"]) == ("delivered", None)
    assert message["delivered_at"] is not None
    assert emails_of(school, maya.email) == 1
