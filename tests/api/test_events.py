"""The live feed by asking, and the description of the API."""

import httpx

from app.api.endpoints import OPERATIONS


def test_the_feed_tells_what_happened_and_to_whom(school):
    """Contract 5: rows and states, never a text, a name or a number"""
    school.pool(1)
    dana, sam, maya = school.member(), school.member(name="Sam Lee"), school.person("mobile")
    start = dana.api.get("/events", params={"after": 2**62}).json()
    assert start["items"] == []
    sent = dana.send(maya, "A secret")
    dana.settled(sent["id"], "delivered")
    mine = dana.events(start["seq"])
    assert [e["seq"] for e in mine] == sorted({e["seq"] for e in mine})
    ids = {"conversation": sent["conversation_id"], "message": sent["id"]}
    (created,) = (e for e in mine if e["name"] == "message.created")
    assert created == {
        "seq": created["seq"],
        "name": "message.created",
        "ids": ids,
        "status": "queued",
    }
    changes = [e["status"] for e in mine if e["name"] == "message.status_changed"]
    assert changes[-1] == "delivered"
    assert "A secret" not in str(mine)
    assert maya.numbers[0] not in str(mine)
    assert all("status" not in e for e in mine if e["name"] == "conversation.changed")
    assert "message.created" not in {e["name"] for e in sam.events(start["seq"])}
    assert "message.created" in {e["name"] for e in school.admin().events(start["seq"])}


def test_the_bookmark_moves_past_what_is_not_for_me(school):
    """Contract 5: `seq` is how far was looked"""
    school.pool(1)
    dana, sam = school.member(), school.member(name="Sam Lee")
    dana.settled(dana.send(school.person("mobile"))["id"], "delivered")
    newest = sam.api.get("/events", params={"after": 2**62}).json()["seq"]
    page = sam.api.get("/events").json()
    assert page["seq"] <= newest
    assert len(page["items"]) < page["seq"]
    assert sam.api.get("/events", params={"after": newest}).json() == {"items": [], "seq": newest}


def test_the_api_describes_every_operation(quiet):
    """Contract 4: OpenAPI 3.1, made from the types"""
    answer = httpx.get(f"{quiet.url}/api/v1/openapi.json", timeout=30, trust_env=False)
    assert answer.status_code == 200
    document = answer.json()
    assert document["openapi"] == "3.1.0"
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    assert len(described) == len(OPERATIONS)
    for path, methods in document["paths"].items():
        for operation in methods.values():
            named = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}
            assert operation["summary"]
    ids = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    assert len(set(ids)) == len(ids)
    body = document["components"]["schemas"]["NewMessage"]
    assert set(body["required"]) == {"person_id", "body"}
    assert body["additionalProperties"] is False
    names = document["components"]["schemas"]["Message"]["properties"]
    assert "from" in names
    text = str(document)
    refs = {
        word.rstrip("'}],")
        for word in text.split("#/components/schemas/")[1:]
        for word in [word.split("'")[0]]
    }
    assert refs <= set(document["components"]["schemas"])
