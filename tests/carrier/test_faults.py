"""What goes wrong at the carrier when it is told to: issue 3; reliability 3.2 and 3.3.

Each test asks as Replyline would and then looks at what the carrier knows to be true.
"""

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator

from app.carrier.faults import KINDS, Stage
from tests.helpers import until

HUNG_UP, SILENT = "hung up", "silent"


def messages_url(account, carrier):
    return f"{carrier.base_url}/2010-04-01/Accounts/{account.sid}/Messages.json"


def create(account, carrier, to, body="Hello"):
    """What comes back from a create that nobody repeats: (status, headers, content)."""
    form = {"To": to, "From": account.number, "Body": body}
    form["StatusCallback"] = f"{account.receiver.base_url}/status/7c1e"
    try:
        answer = requests.post(
            messages_url(account, carrier),
            form,
            auth=(account.sid, account.token),
            timeout=(10, 10 if body == "Hello" else 0.3),
            allow_redirects=False,
        )
    except requests.exceptions.ReadTimeout:
        return SILENT, {}, ""
    except requests.exceptions.ConnectionError:
        return HUNG_UP, {}, ""
    return answer.status_code, answer.headers, answer.text


# Creates

CREATES = {
    # kind: accepted, what is answered, what is in it
    "busy": (False, 429, '"code":20429'),
    "denied": (False, 401, '"code":20003'),
    "redirect": (False, 301, ""),
    "html": (False, 200, "<!doctype html>"),
    "error_before": (False, 500, '"code":20500'),
    "error_after": (True, 500, '"code":20500'),
    "drop_before": (False, HUNG_UP, ""),
    "drop_after": (True, HUNG_UP, ""),
    "hang_before": (False, SILENT, ""),
    "hang_after": (True, SILENT, ""),
    "half_json": (True, 201, '{"sid":"SM'),
    "slow": (True, 201, '"status":"queued"'),
    "late": (True, 201, '"status":"queued"'),
}


def test_the_table_below_knows_every_kind():
    assert set(CREATES) == {name for name, kind in KINDS.items() if kind.stage is Stage.CREATE}


@pytest.mark.parametrize("kind", CREATES)
def test_a_create_fails_as_told_and_the_ledger_knows_the_truth(account, phone, carrier, kind):
    """F27, F28, F32, F34, F35, F39."""
    accepted, expected, content = CREATES[kind]
    seconds = 0.05 if kind == "slow" else None  # a silence is long
    carrier.fault(account.sid, kind, seconds=seconds)
    body = "Is anybody there?" if expected == SILENT else "Hello"
    answer, headers, text = create(account, carrier, phone, body)
    assert answer == expected
    assert text.startswith(content) if content[:1] in "{<" else content in text.replace(" ", "")
    assert ("Location" in headers) is (kind == "redirect")
    if kind == "half_json":
        with pytest.raises(json.JSONDecodeError):
            json.loads(text)

    ledger = carrier.ledger(to=phone)
    assert len(ledger) == (1 if accepted else 0)
    [asked] = carrier.creates(account_sid=account.sid)
    assert (asked["accepted"], asked["fault"]) == (accepted, kind)
    assert asked["status"] == (expected if isinstance(expected, int) else None)
    assert asked["sid"] == (ledger[0]["sid"] if accepted else None)
    assert (asked["to"], asked["from"], asked["body"]) == (phone, account.number, body)
    assert asked["status_callback"].endswith("/status/7c1e")
    account.receiver.take(2 if accepted else 0)  # its reports come all the same

    assert create(account, carrier, phone)[0] == 201  # once was asked for
    assert len(carrier.ledger(to=phone)) == len(ledger) + 1


def test_who_is_too_busy_may_say_for_how_long(account, phone, carrier):
    """F32."""
    carrier.fault(account.sid, "busy", seconds=30)
    carrier.fault(account.sid, "busy")
    headers = [create(account, carrier, phone)[1] for _ in range(2)]
    assert [each.get("Retry-After") for each in headers] == ["30", None]


def test_a_refusal_is_in_the_list_of_creates_too(account, phone, carrier):
    """I9: a call that the carrier's own wall stopped was begun all the same."""
    carrier.text(phone, to=account.number, body="STOP")
    assert create(account, carrier, phone)[0] == 400
    carrier.account(account.sid, "rotated")
    assert create(account, carrier, phone)[0] == 401
    asked = carrier.creates(to=phone)
    assert [(c["accepted"], c["status"], c["code"]) for c in asked] == [
        (False, 400, 21610),
        (False, 401, 20003),
    ]


def test_a_fault_meets_those_it_is_meant_for_until_it_is_cleared(account, phone, carrier):
    other = phone.replace("+1512", "+1737")
    to_phone = carrier.fault(account.sid, "error_before", count=None, to=phone)
    carrier.fault(account.sid, "busy", count=2, from_=account.number)
    sent = [create(account, carrier, to)[0] for to in (phone, other, phone, other, other, phone)]
    assert sent == [500, 429, 500, 429, 201, 500]
    assert [(f["kind"], f["hits"], f["active"]) for f in carrier.faults(account.sid)] == [
        ("error_before", 3, True),
        ("busy", 2, False),
    ]
    carrier.clear_fault(to_phone)
    assert create(account, carrier, phone)[0] == 201
    carrier.fault(account.sid, "busy", count=None)
    carrier.clear_faults(account.sid)
    assert carrier.faults(account.sid) == []
    assert create(account, carrier, phone)[0] == 201


def test_chance_repeats_itself_with_its_seed(account, phone, carrier):
    """For soak runs."""
    runs = []
    for _ in range(2):
        fault = carrier.fault(account.sid, "busy", count=None, chance=0.5, seed=7)
        runs.append([create(account, carrier, phone)[0] for _ in range(20)])
        carrier.clear_fault(fault)
    assert runs[0] == runs[1]
    assert set(runs[0]) == {201, 429}


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"kind": "banana"}, 422),
        ({"count": 0}, 422),
        ({"chance": 2}, 422),
        ({"times": 3}, 422),  # only reports come more than once
        ({"account_sid": "AC" + "0" * 32}, 404),
    ],
)
def test_a_wrong_fault_is_refused(account, carrier, changed, status):
    with pytest.raises(requests.HTTPError) as refused:
        carrier.fault(**{"account_sid": account.sid, "kind": "busy"} | changed)
    assert refused.value.response.status_code == status
    assert carrier.faults(account.sid) == []


# Questions


def test_a_new_text_may_be_listed_late(account, phone, carrier):
    """3.2 point 6: the listing lags behind, the text itself is there."""
    sid = account.send(phone).sid
    lag = carrier.fault(account.sid, "listing_lag", count=None, seconds=3600)
    assert account.client.messages.list(to=phone) == []
    assert account.client.messages(sid).fetch().sid == sid
    carrier.clear_fault(lag)
    assert [m.sid for m in account.client.messages.list(to=phone)] == [sid]
    carrier.fault(account.sid, "listing_lag", count=None, seconds=0.3)
    assert until(lambda: account.client.messages.list(to=phone))[0].sid == sid


def test_no_question_is_answered_while_the_listing_is_down(account, phone, carrier):
    """F21."""
    sid = account.send(phone).sid
    carrier.fault(account.sid, "listing_down", count=2)
    with pytest.raises(TwilioException):
        account.client.messages.list(to=phone)
    with pytest.raises(TwilioRestException) as down:
        account.client.messages(sid).fetch()
    assert down.value.status == 503
    assert len(account.client.messages.list(to=phone)) == 1
    assert account.send(phone).sid


# Reports


def statuses(hooks):
    return [hook.form["MessageStatus"] for hook in hooks]


def test_reports_come_more_than_once(account, phone, carrier):
    """F40: the same one, five times at once."""
    carrier.fault(account.sid, "callback_duplicate", times=5)
    account.send(phone)
    hooks = account.receiver.take(6)
    assert Counter(statuses(hooks)) == {"sent": 5, "delivered": 1}
    assert len({str(h.form) for h in hooks if h.form["MessageStatus"] == "sent"}) == 1


def test_reports_come_in_reverse_order(account, phone, carrier):
    """F41, I16."""
    carrier.fault(account.sid, "callback_reorder", count=None)
    account.send(phone)
    hooks = account.receiver.take(2)
    assert statuses(hooks) == ["delivered", "sent"]
    validator = RequestValidator(account.token)
    for hook in hooks:
        assert validator.validate(hook.url, hook.form, hook.headers["X-Twilio-Signature"])


def test_reports_get_lost(account, phone, carrier):
    """F45: the text is delivered, and says so when it is asked."""
    carrier.fault(account.sid, "callback_lost")
    sid = account.send(phone).sid
    assert statuses(account.receiver.take(1)) == ["delivered"]
    lost = carrier.fault(account.sid, "callback_lost", count=None, to=phone)
    sid = account.send(phone).sid
    until(lambda: account.client.messages(sid).fetch().status == "delivered")
    until(lambda: [f["hits"] for f in carrier.faults(account.sid) if f["id"] == lost] == [2])
    carrier.callback(sid, "sent")  # sent by hand, past all faults: the next to come
    assert statuses(account.receiver.take(1)) == ["sent"]


# Inbound texts


def test_the_webhook_of_a_text_gets_lost(account, phone, carrier):
    """D42: the carrier has it, and lists it."""
    carrier.fault(account.sid, "inbound_lost")
    sid = carrier.text(phone, to=account.number, body="STOP")
    assert sid["webhook"] is None
    [listed] = account.client.messages.list(to=account.number)
    assert (listed.sid, listed.direction, listed.body) == (sid["sid"], "inbound", "STOP")
    assert carrier.text(phone, to=account.number, body="Hello")["webhook"]["status"] == 200
    assert account.receiver.take(1)[0].form["Body"] == "Hello"


def test_many_texts_come_in_at_once(account, phone, carrier):
    texts = [{"from": phone, "to": account.number, "body": f"Text {n}"} for n in range(100)]
    sent = carrier.texts(texts)
    assert {each["webhook"]["status"] for each in sent} == {200}
    got = {hook.form["MessageSid"] for hook in account.receiver.take(100)}
    assert got == {each["sid"] for each in sent}
    assert [text["body"] for text in carrier.shown(phone)] == [t["body"] for t in texts]
    assert [each["webhook"] for each in carrier.texts(texts[:1], wait=False)] == [None]
    account.receiver.take(1)


def test_times_are_exact_enough_to_tell_before_from_after(account, phone, carrier):
    """I9 is judged by them."""
    account.send(phone)
    stopped = carrier.text(phone, to=account.number, body="Hello")["webhook"]["at"]
    account.send(phone)
    first, second = carrier.ledger(to=phone)
    asked = [create["at"] for create in carrier.creates(to=phone)]
    times = [asked[0], first["at"], stopped, asked[1], second["at"]]
    assert times == sorted(times)
    for at in times:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", at)
        assert abs(datetime.fromisoformat(at) - datetime.now(UTC)) < timedelta(minutes=10)


# On the page


def test_faults_are_set_and_cleared_on_the_page(process, account, phone, carrier):
    def post(path, **form):
        return requests.post(f"{process.base_url}{path}", form, timeout=5)

    assert 'value="drop_after"' in requests.get(process.base_url, timeout=5).text
    given = {"account_sid": account.sid, "kind": "drop_after", "count": "", "seconds": ""}
    assert 'role="alert"' not in post("/faults", **given).text
    assert 'role="alert"' in post("/faults", **given | {"count": "-1"}).text
    assert 'role="alert"' in post("/faults", **given | {"kind": "banana"}).text
    [fault] = carrier.faults(account.sid)
    assert (fault["kind"], fault["count"]) == ("drop_after", None)
    assert create(account, carrier, phone)[0] == HUNG_UP

    def live():
        address, seen = f"{process.base_url}/live", {"seen": 0, "have": 9999}
        return requests.get(address, params=seen, timeout=10).text

    assert "hangs up, but accepted" in live()
    assert post(f"/faults/{fault['id']}/clear").status_code == 204
    assert f"clear-{fault['id']}" not in live()
    assert carrier.faults(account.sid) == []
