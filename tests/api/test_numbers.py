"""Numbers: into the pool, to a holder, back, and out."""

from typing import Any

from tests.school import new_number


def test_a_number_goes_into_the_pool_to_a_holder_and_out(school):
    """S3-22, S3-34, S3-38, D25, D26"""
    admin, dana = school.admin(), school.member()
    number = new_number()
    school.carrier.number(school.account_sid, number)
    made = admin.api.post("/numbers", json={"number": number})
    assert made.status_code == 201
    found: dict[str, Any] = made.json()
    shape = {"id", "number", "status", "staff_id", "org_unit_id", "assigned_at", "last_used_at"}
    assert set(found) == shape
    assert (found["number"], found["status"], found["staff_id"]) == (number, "available", None)
    path = f"/numbers/{found['id']}"

    held = admin.api.post(f"{path}/assign", json={"staff_id": dana.id, "conversations": "keep"})
    assert (held.status_code, held.json()["status"]) == (201, "assigned")
    assert held.json()["staff_id"] == dana.id
    staff = {s["id"]: s["number"] for s in admin.api.get("/staff").json()["items"]}
    assert staff == {admin.id: None, dana.id: number}
    assert school.usage()["numbers"] == {"assigned": 1, "limit": None, "available": 0}

    assert admin.api.delete(f"{path}/assignment").status_code == 204
    assert admin.api.delete(f"{path}/assignment").json()["error"]["code"] == "not_assigned"
    assert school.usage()["numbers"] == {"assigned": 0, "limit": None, "available": 1}
    assert admin.api.delete(path).status_code == 204
    assert admin.api.delete(path).status_code == 409
    (row,) = admin.api.get("/numbers").json()["items"]
    assert row["status"] == "retired"


def test_a_released_number_cools_off(school):
    """D26"""
    school.pool(1)
    school.settings(cool_off_days=7)
    school.member().send(school.person("mobile"))
    admin = school.admin()
    (number,) = admin.api.get("/numbers").json()["items"]
    assert number["last_used_at"]
    admin.api.delete(f"/numbers/{number['id']}/assignment")
    assert admin.api.get("/numbers").json()["items"][0]["status"] == "cooling"
    assert school.usage()["numbers"]["available"] == 0


def test_a_number_goes_to_permitted_staff_alone(school):
    """S3-42, D3"""
    school.pool(2)
    admin, dana = school.admin(), school.member()
    rob = school.member("Responder", name="Rob Ray")
    first, second = (n["id"] for n in admin.api.get("/numbers").json()["items"])

    def assign(number: int, **body: Any) -> tuple[int, str]:
        answer = admin.api.post(f"/numbers/{number}/assign", json={"conversations": "move", **body})
        return answer.status_code, answer.json().get("error", {}).get("code", "")

    assert assign(first, staff_id=rob.id) == (403, "role_not_permitted")
    assert assign(first, staff_id=999_999_999) == (404, "not_found")
    assert assign(first, staff_id=dana.id, conversations="burn") == (422, "invalid")
    assert assign(first, staff_id=dana.id) == (201, "")
    assert assign(first, staff_id=dana.id) == (409, "already_assigned")
    assert assign(second, staff_id=dana.id) == (409, "conflict")


def test_only_an_owned_number_comes_in_and_once(school):
    """S1-2"""
    admin, (ours,) = school.admin(), school.pool(1)
    for number in ("words", new_number()):
        answer = admin.api.post("/numbers", json={"number": number})
        assert answer.status_code == 422, answer.text
        assert answer.json()["error"]["fields"][0]["field"] == "number"
    again = admin.api.post("/numbers", json={"number": ours})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "number_exists")


def test_numbers_come_newest_first_page_by_page(school):
    ours = school.pool(3)
    api = school.admin().api
    first = api.get("/numbers", params={"limit": 2}).json()
    second = api.get("/numbers", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [n["number"] for n in first["items"] + second["items"]] == ours[::-1]
    assert second["next_cursor"] is None
