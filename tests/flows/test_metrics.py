"""Metrics: what whoever watches over Replyline reads (contract 6)."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.helpers import until
from tests.live import Socket
from tests.stack import DELIVERY, METRICS_TOKEN


def asked(school, token=METRICS_TOKEN):
    bearer = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{school.url}/metrics", headers=bearer, trust_env=False, verify=False)


def figures(school):
    """(name, the label's value) -> figure"""
    answer = asked(school)
    assert answer.status_code == 200
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_what_waits_what_went_and_who_listens(stack, school):
    dana, ours = school.holder()
    maya = school.person("mobile")
    before = figures(school)
    with stack.asleep(stack.pid(*DELIVERY)), Socket.of_program(school, dana) as socket:
        socket.until("ready")
        sent = dana.send(maya)
        waiting = figures(school)
        assert waiting["replyline_queued", "text"] >= 1
        assert waiting["replyline_queue_age_seconds", "text"] > 0
        assert waiting["replyline_sockets", ""] >= 1
    dana.settled(sent["id"], "delivered")
    school.texts(maya.numbers[0], ours, "Fine")
    queued = ("replyline_queued", "text")  # other schools may have something there, too
    after = until(lambda: (f := figures(school))[queued] < waiting[queued] and f)
    delivered = ("replyline_texts_24h", "delivered")
    assert after[delivered] > before.get(delivered, 0)
    heard = ("replyline_webhook_seconds_count", "inbound")
    assert after[heard] > before.get(heard, 0)
    assert ("replyline_unconfirmed", "") in after
    assert after["replyline_import_age_seconds", school.account_sid] >= 0


def test_nobody_else_reads_them(school):
    assert [asked(school, token).status_code for token in ("nobody", "whoever")] == [401] * 2
