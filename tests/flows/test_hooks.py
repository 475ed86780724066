"""Webhooks to other systems: from what happens to what they hear, whatever they do (C-32)."""

import html
import json
import re
import time

import pytest

from app.rules.audit_log import DEEDS
from app.rules.hooks import CHOICES
from tests.api.test_docs import page_of
from tests.configuring import role
from tests.helpers import until
from tests.receiver import Receiver
from tests.school import School

PAGE = "/settings/webhooks"
MESSAGES = ["message.created", "message.status_changed"]


@pytest.fixture
def receiver():
    with Receiver.listening() as found:
        yield found


@pytest.fixture
def browser(school):
    with school.browser(school.admin()) as found:
        yield found


def made(browser, url, *names):
    """The id of a new webhook, and its secret."""
    answer = browser.post(PAGE, data={"url": url, "event": list(names)})
    assert answer.status_code == 200, answer.text
    secret = re.search(r'id="made" value="(whsec_[^"]+)"', answer.text)
    ids = re.search(r'action="/settings/webhooks/(\d+)/test"', answer.text)
    assert secret and ids
    return int(ids[1]), html.unescape(secret[1])


def checker(school):
    """The example of the docs, as whoever pasted it has it."""
    found = re.search(r'<pre id="verify-example">(.*?)</pre>', page_of(school.url), re.S)
    assert found
    names = {}
    exec(html.unescape(found[1]), names)
    return names["is_genuine"]


def told(receiver):
    """What it took, without what it had before, in the order in which it came."""
    seen = {heard.id: json.loads(heard.body) for heard in receiver.took}
    return list(seen.values())


def states(browser, hook):
    """What the page says became of each event, the newest first."""
    text = browser.get(f"{PAGE}/{hook}").text
    part = text.partition(' deliveries"')[2].partition("</table>")[0]
    return re.findall(r'class="status tone-\w+"[^>]*>.*?</svg>\s*([\w ]+)', part, re.S)


def acts(browser, path, **data):
    answer = browser.post(f"{PAGE}/{path}", data=data)
    assert answer.status_code == 303, answer.text


# What is told


def test_a_message_is_told_as_the_api_shows_it_signed_and_in_order(school, browser, receiver):
    _, secret = made(browser, receiver.url, *MESSAGES)
    dana, ours = school.holder()
    maya = school.person("mobile")
    sent = dana.settled(dana.send(maya, "Are you coming at 3?")["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Yes — à 3 h")
    answer = until(lambda: next((m for m in dana.said_to(maya) if m["direction"] == "inbound"), 0))

    def about(message):
        return [t for t in told(receiver) if t["ids"].get("message") == message["id"]]

    until(lambda: about(sent) and about(sent)[-1]["status"] == "delivered" and about(answer))
    assert about(sent)[0]["type"] == "message.created"
    assert about(sent)[-1]["data"] == dana.message(sent["id"])
    [came] = about(answer)
    assert came["data"] == dana.message(answer["id"])
    assert came["data"]["body"] == "Yes — à 3 h"
    numbers = [t["seq"] for t in told(receiver)]
    assert numbers == sorted(numbers)
    feed = {e["seq"]: e for e in school.admin().events()}
    for each in told(receiver):
        assert (feed[each["seq"]]["name"], feed[each["seq"]]["ids"]) == (each["type"], each["ids"])
    is_genuine = checker(school)
    for heard in receiver.heard:
        assert is_genuine(heard.headers, heard.body, secret)
        assert not is_genuine(heard.headers, heard.body + b" ", secret)
        assert not is_genuine({**heard.headers, "webhook-id": "evt_1_1"}, heard.body, secret)
        assert heard.headers["content-type"] == "application/json"
        assert heard.headers["user-agent"].startswith("Replyline-Webhooks/")
    old = {**receiver.heard[0].headers, "webhook-timestamp": str(int(time.time()) - 600)}
    assert not is_genuine(old, receiver.heard[0].body, secret)


def test_consent_and_numbers_are_told_with_whom_they_are_about(school, browser, receiver):
    made(browser, receiver.url, "consent.changed", "number.assigned", "number.released")
    dana, ours = school.holder()
    maya = school.person("mobile")
    admin = school.admin().api
    assigned = until(lambda: [t for t in told(receiver) if t["type"] == "number.assigned"])[0]
    number = school.number(ours)
    assert (assigned["data"]["number"], assigned["data"]["staff_id"]) == (ours, dana.id)
    school.set_status(maya, 0, "disabled")
    changed = until(lambda: [t for t in told(receiver) if t["ids"].get("person") == maya.id])[0]
    assert changed["data"] == admin.get(f"/people/{maya.id}").json()
    assert changed["data"]["phones"][0]["sms_status"] == "disabled"
    assert admin.delete(f"/numbers/{number['id']}/assignment").status_code == 204
    released = until(lambda: [t for t in told(receiver) if t["type"] == "number.released"])[0]
    assert released["data"] == {**school.number(ours), "last_used_at": number["last_used_at"]}


def test_only_what_was_chosen_is_told_and_nothing_of_another_school(school, browser, receiver):
    made(browser, receiver.url, "number.assigned")
    with school.another() as other, Receiver.listening() as theirs:
        with other.browser(other.admin()) as admin:
            made(admin, theirs.url, *CHOICES)
        other.holder("Kim Alvarez")
        until(lambda: any(t["type"] == "message.status_changed" for t in told(theirs)))
    school.holder()
    until(lambda: told(receiver))
    assert [t["type"] for t in told(receiver)] == ["number.assigned"]
    mine = {e["seq"] for e in school.admin().events() if e["name"] == "number.assigned"}
    assert {t["seq"] for t in told(receiver)} == mine


# What the other system does


@pytest.mark.parametrize("trouble", [500, 302, 404, 429, None, -5], ids=str)
def test_what_it_does_not_take_comes_again_under_the_same_id(school, browser, receiver, trouble):
    """It fails, sends elsewhere, hangs up, or says nothing."""
    receiver.says(trouble)
    hook, _ = made(browser, receiver.url, "number.assigned")
    school.holder()
    until(lambda: len(receiver.heard) >= 2)
    until(lambda: states(browser, hook) == ["Trying again"])
    page = browser.get(f"{PAGE}/{hook}").text
    assert "Failing" in page
    assert (f"Answered {trouble}" if trouble and trouble > 0 else "answer") in page
    receiver.says(200)
    until(lambda: states(browser, hook) == ["Delivered"])
    assert "Working" in browser.get(f"{PAGE}/{hook}").text
    assert len({heard.id for heard in receiver.heard}) == 1


def test_a_slow_system_holds_up_no_other(school, browser, receiver):
    """Eight that say nothing, and one that answers at once."""
    with Receiver.listening() as silent:
        silent.says(-30)
        for n in range(8):
            made(browser, f"{silent.url}/{n}", "number.assigned")
        hook, _ = made(browser, receiver.url, "number.assigned")
        school.holder()
        until(lambda: told(receiver))
        until(lambda: states(browser, hook) == ["Delivered"])
        assert silent.took == []


def test_one_that_is_gone_is_paused_and_the_admins_are_told(school, browser, receiver):
    admin = school.admin()
    receiver.says(410)
    hook, _ = made(browser, receiver.url, *MESSAGES)
    school.holder()
    page = until(lambda: "Answered 410" in (p := browser.get(f"{PAGE}/{hook}").text) and p)
    assert "Paused" in page
    [mail] = until(lambda: [m for m in school.mails(admin.email) if "told nothing" in m["subject"]])
    assert "Answered 410" in mail["text"]
    assert len(receiver.heard) == 1
    receiver.says(200)
    acts(browser, f"{hook}/resume")
    until(lambda: len(told(receiver)) >= 2)
    acts(browser, f"{hook}/again")
    until(lambda: set(states(browser, hook)) == {"Delivered"})
    assert receiver.heard[0].id in {heard.id for heard in receiver.took}


# The page


def test_the_story_of_a_webhook_on_its_page(school, browser, receiver):
    hook, secret = made(browser, receiver.url, "number.assigned")
    assert secret not in browser.get(f"{PAGE}/{hook}").text
    acts(browser, f"{hook}/test")
    until(lambda: states(browser, hook) == ["Delivered"])
    [test] = told(receiver)
    assert (test["type"], test["seq"], test["data"]) == ("webhook.test", None, None)

    row = re.search(r'id="delivery-(\d+)"', browser.get(f"{PAGE}/{hook}").text)
    assert row
    acts(browser, f"{hook}/deliveries/{row[1]}/again")
    until(lambda: len(receiver.took) == 2)
    assert receiver.took[0].id == receiver.took[1].id

    renewed = browser.post(f"{PAGE}/{hook}/secret")
    new = re.search(r'id="made" value="(whsec_[^"]+)"', renewed.text)
    assert new and html.unescape(new[1]) != secret
    acts(browser, f"{hook}/test")
    until(lambda: len(receiver.took) == 3)
    is_genuine, last = checker(school), receiver.took[-1]
    for valid in (secret, html.unescape(new[1])):
        assert is_genuine(last.headers, last.body, valid)
    assert not is_genuine(last.headers, last.body, "whsec_AAAA")

    acts(browser, f"{hook}/pause")
    assert browser.post(f"{PAGE}/{hook}/test").status_code == 409
    acts(browser, str(hook), url=receiver.url + "2", event=["number.released"])
    acts(browser, f"{hook}/resume")
    until(lambda: set(states(browser, hook)) == {"Delivered"})
    acts(browser, f"{hook}/test")
    until(lambda: receiver.took[-1].path.endswith("2"))
    acts(browser, f"{hook}/delete")
    assert browser.get(f"{PAGE}/{hook}").status_code == 404
    assert receiver.url.split("/")[2] not in browser.get(PAGE).text
    log = browser.get("/audit?kind=access").text
    for deed in ("made", "changed", "renewed the secret of", "paused", "resumed", "sent a test to"):
        assert f"{deed} " in log
    assert "deleted the webhook to 127.0.0.1" in log
    assert secret not in log


@pytest.mark.parametrize(
    ("form", "told_", "kept"),
    [
        ({"url": "http://hooks.school.example", "event": MESSAGES}, "begins with https://", True),
        ({"url": "https://10.0.0.7/x", "event": MESSAGES}, "inside a network", True),
        ({"url": "https://metadata/", "event": MESSAGES}, "inside a network", True),
        ({"url": "https://u:p@a.example/", "event": MESSAGES}, "name and the password", True),
        ({"url": "", "event": MESSAGES}, "begins with https://", False),
        ({"url": "https://a.example/" + "x" * 2000, "event": MESSAGES}, "500 characters", False),
        ({"url": "https://a.example/"}, "Choose at least one.", True),
        ({"url": "https://a.example/", "event": ["usage.changed"]}, "Choose at least one.", True),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_field_and_kept(school, browser, form, told_, kept):
    answer = browser.post(PAGE, data=form)
    assert answer.status_code == 422
    assert told_ in answer.text
    assert not kept or html.escape(form["url"]) in answer.text
    chosen = re.findall(r'name="event" value="([^"]+)" checked', answer.text)
    assert chosen == (MESSAGES if form.get("event") == MESSAGES else [])
    assert "No other system is told anything" in browser.get(PAGE).text


def test_there_is_an_end_to_how_many(school, browser, receiver):
    for _ in range(10):
        made(browser, receiver.url, "number.assigned")
    answer = browser.post(PAGE, data={"url": receiver.url, "event": "number.assigned"})
    assert answer.status_code == 422
    assert "There are 10 webhooks already." in answer.text


# Who may


ACTS = ("", "/secret", "/pause", "/resume", "/delete", "/test", "/again", "/deliveries/1/again")


def test_only_those_who_manage_tokens_reach_any_of_it(school: School, browser, receiver):
    """D3, by page and by forged request."""
    hook, _ = made(browser, receiver.url, "number.assigned")
    manager = school.member("Manager", name="Kim Alvarez")
    with school.browser(manager) as other:
        assert "Webhooks" not in other.get("/inbox").text
        assert other.get(PAGE).status_code == other.get(f"{PAGE}/{hook}").status_code == 403
        form = {"url": "https://a.example", "event": "number.assigned"}
        assert other.post(PAGE, data=form).status_code == 403
        for act in ACTS:
            assert other.post(f"{PAGE}/{hook}{act}", data=form).status_code == 403, act
    assert "Paused" not in browser.get(f"{PAGE}/{hook}").text
    assert receiver.heard == []


def test_another_school_finds_nothing(school, browser, receiver):
    hook, _ = made(browser, receiver.url, "number.assigned")
    with school.another() as other, other.browser(other.admin()) as theirs:
        own, _ = made(theirs, receiver.url, "number.assigned")
        assert theirs.get(f"{PAGE}/{hook}").status_code == 404
        form = {"url": "https://a.example", "event": "number.assigned"}
        for act in ACTS:
            assert theirs.post(f"{PAGE}/{hook}{act}", data=form).status_code == 404, act
        acts(browser, f"{hook}/test")
        until(lambda: states(browser, hook) == ["Delivered"])
        row = re.search(r'id="delivery-(\d+)"', browser.get(f"{PAGE}/{hook}").text)
        assert row
        assert theirs.post(f"{PAGE}/{own}/deliveries/{row[1]}/again").status_code == 404


def test_whoever_manages_tokens_and_sees_little_hands_on_little(school, browser, receiver):
    hook, _ = made(browser, receiver.url, "message.created")
    integrator = role(school, "Integrator", "tokens.manage", "people.read")
    with school.browser(school.member(integrator, name="Sam Ode")) as other:
        assert other.get("/settings").headers["Location"] == PAGE
        page = other.get(PAGE).text
        assert 'value="consent.changed"' in page
        assert 'value="message.created"' not in page
        form = {"url": receiver.url, "event": "message.created"}
        assert other.post(PAGE, data=form).status_code == 403
        own = {"url": receiver.url + "/own", "event": "consent.changed"}
        assert other.post(f"{PAGE}/{hook}", data=own).status_code == 403
        assert other.post(f"{PAGE}/{hook}/secret").status_code == 403
        assert "Renew secret" not in other.get(f"{PAGE}/{hook}").text
        acts(other, f"{hook}/pause")
        made(other, receiver.url, "consent.changed")


def test_every_deed_has_its_place_in_the_log():
    assert {name for name in DEEDS if name.startswith("webhook.")} == {
        f"webhook.{what}"
        for what in (
            *("created", "changed", "secret_renewed", "paused", "resumed"),
            *("tested", "sent_again", "deleted"),
        )
    }
