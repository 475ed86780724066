"""Gaps: texts whose webhook never came, and outages after which nobody knows what was missed."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, update

from app import clock, config, create_app, migrations
from app.database import database_now, db, transaction
from app.errors import ProviderDenied
from app.models import Beat, Message, OptOutReplies, ProviderAccount
from app.providers import InboundSms
from app.services import accounts, gaps, receiving, staff
from app.services.late import Listing
from tests.helpers import until
from tests.provider import Provider, new_sid, row_counts
from tests.school import Member, School, Someone, at_once, new_number


@contextmanager
def lost(school: School) -> Iterator[None]:
    """The carrier tells us of no text that is typed meanwhile."""
    fault = school.carrier.fault(school.account_sid, "inbound_lost", count=None)
    yield
    school.carrier.clear_fault(fault)


def import_all(school: School) -> int:
    """What the job does for this school's account; how many texts it found."""
    with school.app.app_context():
        return gaps.import_account(school.account_id)


def may_send(school: School) -> bool:
    with school.app.app_context():
        may = select(gaps.may_deliver()).where(ProviderAccount.id == school.account_id)
        return bool(db.session.execute(may).scalar_one())


def outage(school: School) -> None:
    """As if nothing could have been stored for an hour; over as soon as a web process beats."""
    with school.app.app_context(), transaction():
        db.session.execute(update(Beat).values(at=database_now(-3600)))


def listing(school: School, *said: tuple[str, str, str, str]) -> Listing:
    """What the provider lists when it is asked now: sid, from, to and body, oldest first."""
    with school.app.app_context():
        newest = db.session.execute(select(func.max(Message.id))).scalar_one()
    texts = [InboundSms(school.account_sid, *text, at=clock.now()) for text in said]
    return Listing(texts, newest)


def rows(school: School) -> dict[str, int]:
    """Without the emails: their holders hear of texts that they have not seen (S3-16)."""
    return {table: count for table, count in row_counts(school).items() if table != "email"}


def asked_in_vain(school: School) -> int:
    """How often, since its list is down."""
    (fault,) = school.carrier.faults(school.account_sid)
    return int(fault["hits"])


def bodies(member: Member, conversation: dict) -> list[str]:
    return [message["body"] for message in member.thread(conversation["id"])]


def opted_out(school: School, person: Someone) -> bool:
    return bool(school.admin().api.get(f"/people/{person.id}").json()["opted_out"])


def test_texts_that_no_webhook_brought_are_fetched_once_and_in_order(school):
    """I1, I3, I4, D7: in more than one batch; a repeated import or webhook changes nothing."""
    dana, ours = school.holder()
    (nobodys,) = school.pool(1)
    phones = [new_number() for _ in range(6)]
    typed = [{"from": p, "to": ours, "body": f"Text {n}"} for n in range(9) for p in phones]
    with lost(school):
        school.carrier.texts([*typed, {"from": phones[0], "to": nobodys, "body": "Hello?"}])
        last = school.texts(phones[5], ours, "Text 9")
    assert dana.conversations(unread="true") == []
    assert import_all(school) == len(typed) + 2
    threads = {t["recipient"]: t for t in dana.conversations(unread="true")}
    assert set(threads) == set(phones)
    for phone, thread in threads.items():
        said = [f"Text {n}" for n in range(10 if phone == phones[5] else 9)]
        assert (bodies(dana, thread), thread["unread"]) == (said, len(said))
    (unclaimed,) = [t for t in school.admin().conversations() if t["staff_id"] is None]
    assert bodies(school.admin(), unclaimed) == ["Hello?"]
    before, provider = rows(school), Provider(school)
    assert import_all(school) == 0
    repeated = provider.text(phones[5], ours, "Text 9", MessageSid=last["sid"])
    assert provider.post(repeated).status_code == 200
    assert rows(school) == before


def test_an_import_a_second_one_and_the_late_webhook_store_one_text(school):
    """I1, I4: at the same moment."""
    dana, ours = school.holder()
    provider, phone = Provider(school), new_number()
    with lost(school):
        sid = school.texts(phone, ours, "Are you in today?")["sid"]
    webhook = provider.text(phone, ours, "Are you in today?", MessageSid=sid)
    at_once(lambda: import_all(school), lambda: import_all(school), lambda: provider.post(webhook))
    (thread,) = dana.conversations(unread="true")
    assert (bodies(dana, thread), thread["unread"]) == (["Are you in today?"], 1)


def test_a_text_found_late_has_its_own_time_and_its_place_on_the_page(school):
    """D42, X38: with the provider's time, before what was said since; the list shows it as new."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    with lost(school):
        school.texts(maya.numbers[0], ours, "First of all")
    (typed,) = school.carrier.shown(maya.numbers[0])
    thread = dana.send(maya, "And then this")["conversation_id"]
    import_all(school)
    late = dana.thread(thread)[-1]
    assert (late["body"], late["created_at"][:19]) == ("First of all", typed["at"][:19])
    with school.browser(dana) as browser:
        page = browser.get(f"/inbox/{thread}").text
    assert page.index("First of all") < page.index("And then this")
    (row,) = dana.conversations(unread="true")
    assert (row["snippet"], row["unread"]) == ("First of all", 1)


# Two phones of one person and their words as they were sent; "?": its webhook was lost. Then what
# they are once it was found, and whether the person is opted out.
ORDERS = [
    ("a STOP?", "disabled disabled out"),
    ("a START?", "enabled default in"),
    ("a STOP?, a START", "enabled default in"),
    ("a START?, a STOP", "disabled disabled out"),
    ("a STOP?, a START?", "enabled disabled in"),
    ("a START?, a STOP?", "disabled disabled out"),
    ("a STOP, a START?", "enabled disabled in"),
    ("a START, a STOP?", "disabled disabled out"),
    ("a START, a STOP?, a START", "enabled default in"),
    ("a STOP?, b START", "disabled enabled in"),
    ("a START?, b STOP", "disabled disabled out"),
    ("b START, a STOP?", "disabled disabled out"),
    ("a Please stop texting me?, a START", "enabled default in"),
]


def test_consent_follows_the_order_in_which_words_were_sent(school):
    """D14, D16, D42: a word that is found late undoes none that was sent after it."""
    dana, ours = school.holder()
    people = [school.person("mobile", "mobile") for _ in ORDERS]
    for person, (words, _) in zip(people, ORDERS, strict=True):
        for said in words.split(", "):
            phone, body = person.numbers["ab".index(said[0])], said[2:].removesuffix("?")
            if said.endswith("?"):
                school.carrier.fault(school.account_sid, "inbound_lost", from_=phone)
            school.texts(phone, ours, body)
    assert import_all(school) == sum(words.count("?") for words, _ in ORDERS)
    outs = ["out" if opted_out(school, person) else "in" for person in people]
    states = [" ".join([*school.phone_status(p), o]) for p, o in zip(people, outs, strict=True)]
    found = [(words, state) for (words, _), state in zip(ORDERS, states, strict=True)]
    assert found == ORDERS
    asked = [t for t in dana.conversations(unread="true") if t.get("ask_opt_out")]
    assert asked == []


def test_what_comes_in_while_the_list_is_read(school):
    """D14, I9: said after all that is listed, unless the list itself says otherwise."""
    _, ours = school.holder()
    people = [school.person("mobile") for _ in range(4)]
    maya, ana, zoe, ben = (person.numbers[0] for person in people)
    sids = [new_sid() for _ in range(4)]
    slow = {zoe: "START", ben: "STOP"}  # listed, but their webhooks are on the way
    words = zip((maya, ana, zoe, ben), ("START", "STOP", "STOP", "START"), sids, strict=True)
    late = [(sid, phone, ours, word) for phone, word, sid in words]
    on_the_way = {phone: new_sid() for phone in slow}
    asked = listing(school, *((on_the_way[p], p, ours, w) for p, w in slow.items()), *late)
    provider = Provider(school)
    for phone, word in {maya: "STOP", ana: "START", **slow}.items():
        sid = on_the_way.get(phone) or new_sid()
        form = provider.text(phone, ours, word, MessageSid=sid)
        assert provider.post(form).status_code == 200
    with school.app.app_context():
        receiving.receive_many([t for t in asked.texts if t.sid in sids], asked)
    states = [school.phone_status(person) for person in people]
    assert states == [["disabled"], ["enabled"], ["disabled"], ["enabled"]]


def test_a_stop_that_is_found_too_late_is_obeyed_and_not_confirmed(school):
    """D21, I9: a confirmation comes within five minutes or never."""
    dana, ours = school.holder()
    with school.app.app_context():
        credentials = (school.id, school.account_sid, school.account_secret)
        ours_too = OptOutReplies.OURS
        accounts.add(*credentials, api_url=school.carrier.base_url, opt_out_replies=ours_too)
    late, just_now = school.person("mobile"), school.person("mobile")
    for person, minutes in ((late, 6), (just_now, 0)):
        at = clock.now() - timedelta(minutes=minutes)
        stop = InboundSms(school.account_sid, new_sid(), person.numbers[0], ours, "STOP", at=at)
        with school.app.app_context():
            receiving.receive_many([stop], Listing([stop], 0))
        assert school.phone_status(person) == ["disabled"]
    directions = [[m["direction"] for m in dana.said_to(p)] for p in (late, just_now)]
    assert directions == [["inbound"], ["inbound", "outbound"]]


def test_nothing_leaves_after_an_outage_before_what_was_missed_is_known(school):
    """F19, F21, I9: the carrier obeys no STOP here, and its list is down for a while as well."""
    dana, ours = school.holder()
    maya, ana = school.person("mobile"), school.person("mobile", name="Ana Lopez")
    school.carrier.change_account(school.account_sid, opt_out_handling=False)
    down = school.carrier.fault(school.account_sid, "listing_down", count=None)
    with lost(school):
        school.texts(maya.numbers[0], ours, "STOP")
    outage(school)
    assert not may_send(school)
    to_maya, to_ana = dana.send(maya, "Your hold is cleared"), dana.send(ana, "Yours too")

    until(lambda: asked_in_vain(school) >= 2)  # an import was tried, and tried again
    ready = httpx.get(f"{school.url}/readyz", timeout=30, trust_env=False)
    assert (ready.status_code, "provider_account" in ready.json()["degraded"]) == (200, True)
    assert [dana.message(m["id"])["status"] for m in (to_maya, to_ana)] == ["queued", "queued"]
    assert [school.ledger(p.numbers[0]) for p in (maya, ana)] == [[], []]
    school.carrier.clear_fault(down)
    dana.settled(to_ana["id"], "delivered")
    (mail,) = until(lambda: school.mails(maya.email))
    assert "Your hold is cleared" in mail["text"]
    assert school.phone_status(maya) == ["disabled"]
    assert school.ledger(maya.numbers[0]) == []
    assert may_send(school)


def test_new_credentials_send_nothing_before_what_the_old_ones_refused_is_known(school):
    """D35, D42: our token was out of date, so webhooks were not believed, a STOP among them."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    new = "f" * 32
    school.carrier.account(school.account_sid, new, opt_out_handling=False)
    assert school.texts(maya.numbers[0], ours, "STOP")["webhook"]["status"] == 403
    with pytest.raises(ProviderDenied):
        import_all(school)
    assert dana.route(maya)["reason"] == "sms_disabled"  # the account is stopped (D30)
    down = school.carrier.fault(school.account_sid, "listing_down", count=None)
    url = school.carrier.base_url
    with school.app.app_context():
        accounts.add(school.id, school.account_sid, new, api_url=url, check=False)
    sent = dana.send(maya, "Your hold is cleared")
    until(lambda: asked_in_vain(school) >= 2)
    assert dana.message(sent["id"])["status"] == "queued"
    school.carrier.clear_fault(down)
    (mail,) = until(lambda: school.mails(maya.email))
    assert "you opted out of texts" in mail["text"]
    assert (school.phone_status(maya), school.ledger(maya.numbers[0])) == (["disabled"], [])


def test_only_a_beat_in_time_and_an_import_after_an_outage_let_texts_out(
    quiet_database_url, tmp_path
):
    """D42, I27: on the database's clock, and without Redis."""
    config.loopback_secrets(tmp_path)
    nowhere = f"unix://{tmp_path}/nowhere.sock"
    timing = config.Timing(outage=1000)
    settings = config.load(
        var_dir=tmp_path, database_url=quiet_database_url, redis_url=nowhere, timing=timing
    )
    app = create_app(settings, web=False)
    account = update(ProviderAccount)

    def state() -> tuple[bool, bool]:
        """Whether texts may be missing, and whether any may leave."""
        found = select(gaps.missed(), gaps.may_deliver()).select_from(ProviderAccount)
        return tuple(map(bool, db.session.execute(found).one()))  # type: ignore[return-value]

    def write(statement) -> None:
        with transaction():
            db.session.execute(statement)

    with app.app_context():
        migrations.upgrade()
        school_id = staff.create_institution("Northfield", "America/Chicago", "US")
        accounts.add(school_id, "AC" + "1" * 32, "token", check=False)
        assert state() == (False, False)  # nobody stores what comes in
        gaps.beat()
        assert state() == (True, False)  # and nobody knows since when
        write(account.values(imported_until=database_now()))
        assert state() == (False, True)
        gaps.beat()
        assert state() == (False, True)
        write(update(Beat).values(at=database_now(-900)))
        gaps.beat()
        assert state() == (False, True)
        write(update(Beat).values(at=database_now(-1100)))
        assert state() == (False, False)  # at once, before anybody has noticed
        before = db.session.execute(select(database_now())).scalar_one()
        gaps.beat()
        write(account.values(imported_until=before))  # this import had begun before the end
        assert state() == (True, False)
        assert gaps.accounts_due() == [1]
        write(account.values(imported_until=database_now()))
        assert (state(), gaps.accounts_due()) == ((False, True), [])
        write(account.values(missed_at=None, imported_until=database_now(-601)))
        assert (state(), gaps.accounts_due()) == ((False, True), [1])
        db.engine.dispose()
