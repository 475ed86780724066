"""Conversations: the list, what is done with one, and handing it over."""

from typing import Any

from tests.helpers import until


def test_a_conversation_is_answered_read_archived_and_found(school):
    """S3-15, S3-16, S3-30"""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    dana.send(maya, "Question?")
    school.texts(maya.numbers[0], ours, "An answer")
    (thread,) = until(lambda: dana.conversations(unread=True))
    expected = {
        "staff_id": dana.id,
        "person_id": maya.id,
        "sender": ours,
        "recipient": maya.numbers[0],
        "unread": 1,
        "archived": False,
        "snippet": "An answer",
        "markers": [],
    }
    assert {name: thread[name] for name in expected} == expected
    path = f"/conversations/{thread['id']}"
    assert dana.api.patch(path, json={"read": True}).json()["unread"] == 0
    assert dana.conversations(unread=True) == []
    assert dana.api.patch(path, json={"archived": True}).json()["archived"] is True
    assert dana.conversations(archived=False) == []
    assert [c["id"] for c in dana.conversations(archived=True, q="maya")] == [thread["id"]]
    assert dana.conversations(q="nobody") == []

    said = dana.api.post(f"{path}/messages", json={"body": "Thanks"})
    assert (said.status_code, said.json()["reason"]) == (201, "reply")
    assert [m["body"] for m in dana.thread(thread["id"])] == ["Question?", "An answer", "Thanks"]
    after = dana.api.get(path).json()
    assert (after["archived"], after["snippet"]) == (False, "Thanks")
    assert (after["sender"], after["recipient"]) == (ours, maya.numbers[0])


def test_the_same_key_is_the_same_reply(school):
    """I8"""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    path = f"/conversations/{dana.send(maya)['conversation_id']}/messages"
    key = {"Idempotency-Key": "reply-1"}
    ids = {dana.api.post(path, json={"body": "Yes"}, headers=key).json()["id"] for _ in range(3)}
    assert len(ids) == 1
    assert dana.api.post(path, json={"body": "No"}, headers=key).status_code == 409


def test_handing_over_tells_who_has_it_now(school):
    """D4, U6: the colleague may answer, whatever their role; the old holder is told"""
    (ours,) = school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    rob = school.member("Responder", name="Rob Ray")
    sent = dana.send(maya)
    school.texts(maya.numbers[0], ours, "Hi")
    until(lambda: dana.conversations(unread=True))
    path = f"/conversations/{sent['conversation_id']}"
    given = dana.api.patch(path, json={"staff_id": rob.id})
    assert given.status_code == 200
    assert given.json()["staff_id"] == rob.id
    assert [marker["name"] for marker in given.json()["markers"]] == ["handed_over"]

    late = dana.api.post(f"{path}/messages", json={"body": "One more thing"})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "handled_by_other")
    assert "Rob Ray" in late.json()["error"]["message"]
    answer = rob.api.post(f"{path}/messages", json={"body": "I take over"})
    assert (answer.status_code, answer.json()["from"]) == (201, ours)
    again = school.admin().api.patch(path, json={"staff_id": rob.id})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_held")


def test_only_its_holder_marks_a_conversation(school):
    """Design 3: unread is per holder; a Manager who looks in changes nothing"""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    path = f"/conversations/{dana.send(maya)['conversation_id']}"
    manager = school.member("Manager", name="Mia Moss")
    for change in ({"read": True}, {"archived": True}):
        assert manager.api.patch(path, json=change).status_code == 403
    wrong: list[dict[str, Any]] = [
        {"read": None},
        {"read": "yes"},
        {"staff_id": None},
        {"seen": True},
    ]
    for change in wrong:
        assert dana.api.patch(path, json=change).status_code == 422


def test_conversations_come_latest_first_page_by_page(school):
    school.pool(1)
    dana = school.member()
    people = [school.person("mobile", name=name) for name in ("One X", "Two X", "Three X")]
    threads = [dana.send(person)["conversation_id"] for person in people]
    first = dana.api.get("/conversations", params={"limit": 2}).json()
    second = dana.api.get(
        "/conversations", params={"limit": 2, "cursor": first["next_cursor"]}
    ).json()
    assert [c["id"] for c in first["items"] + second["items"]] == threads[::-1]
    assert second["next_cursor"] is None
