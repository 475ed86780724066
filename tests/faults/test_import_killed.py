"""Killed: the worker that imports people dies in the middle of a batch, or of a removal, and the
import ends as if it had not (F61)."""

import pytest

from tests.helpers import until
from tests.imports import answered, imported, many, one, person, rows, settled

POINTS = ["importing.taken", "importing.removed"]


@pytest.mark.parametrize("point", POINTS)
def test_an_import_ends_the_same_wherever_its_worker_died(stack, school, point):
    assert imported(school, many(600))["counts"] == {"created": 600}
    stack.kill_at(point)
    run = imported(school, many(10), remove_missing=True)
    assert (run["state"], run["leaving"], run["of"]) == ("asking", 590, 600)
    done = answered(school, run, remove=True, count=590)
    until(lambda: stack.was_killed_at(point))
    assert done["counts"] == {"unchanged": 10, "removed": 590}
    assert len(rows(school, done, outcome="unchanged")) == 10
    assert person(school, "N9")["given_name"] == "P9"
    assert person(school, "N10") is None
    assert imported(school, many(20))["counts"] == {"unchanged": 10, "changed": 10}


def test_a_stop_holds_where_its_worker_died(stack, school):
    """In the middle of a batch: that one is not done."""
    api = school.admin().api
    stack.kill_at("importing.taken")
    made = api.post("/imports", json={"files": [{"text": many(1200)}]}).json()["id"]
    until(lambda: stack.was_killed_at("importing.taken"))
    assert api.post(f"/imports/{made}/stop").json()["state"] == "stopped"
    done = settled(school, made)["done"]
    ended = {"not_done": 1200 - done, **({"created": done} if done else {})}
    until(lambda: one(school, made)["counts"] == ended and len(rows(school, {"id": made})) == 200)
    assert one(school, made)["state"] == "stopped"
    again = api.post(f"/imports/{made}/start", json={})
    assert again.status_code == 200
    left = {"created": 1200 - done, **({"unchanged": done} if done else {})}
    assert settled(school, made)["counts"] == left
