"""Staff and roles."""

import secrets
from typing import Any

from tests.school import PASSWORD


def new_staff(**more: Any) -> dict[str, Any]:
    email = f"new.{secrets.token_hex(4)}@northfield.example"
    return {"email": email, "name": "Nia Fox", "roles": ["Advisor"], "password": PASSWORD, **more}


def test_a_member_of_staff_is_made_and_changed(school):
    """Contract 4, Shapes"""
    api, given = school.admin().api, new_staff()
    made = api.post("/staff", json=given)
    assert made.status_code == 201
    nia = made.json()
    assert nia == {
        "id": nia["id"],
        "email": given["email"],
        "name": "Nia Fox",
        "roles": ["Advisor"],
        "active": True,
        "org_unit_id": None,
        "number": None,
    }
    path = f"/staff/{nia['id']}"
    changed = api.patch(path, json={"roles": ["Manager", "Auditor"], "name": "Nia Wolf"}).json()
    assert (changed["roles"], changed["name"]) == (["Manager", "Auditor"], "Nia Wolf")
    assert api.patch(path, json={"active": False}).json()["active"] is False
    assert [s["name"] for s in api.get("/staff").json()["items"]] == ["Nia Wolf", "Priya Shah"]


def test_wrong_staff_is_refused(school):
    api = school.admin().api
    taken = api.post("/staff", json=new_staff()).json()["email"]
    table = [
        (new_staff(email=taken), 409, None),
        (new_staff(email="nia"), 422, "email"),
        (new_staff(roles=["Wizard"]), 422, "roles"),
        (new_staff(roles=[]), 422, "roles"),
        (new_staff(password="short"), 422, "password"),
        (new_staff(name=" "), 422, "name"),
    ]
    for body, status, field in table:
        answer = api.post("/staff", json=body)
        assert answer.status_code == status, answer.text
        assert [p["field"] for p in answer.json()["error"]["fields"]] == ([field] if field else [])
        assert PASSWORD not in answer.text


def test_an_administrator_remains(school):
    """M2"""
    admin = school.admin()
    for change in ({"active": False}, {"roles": ["Advisor"]}):
        answer = admin.api.patch(f"/staff/{admin.id}", json=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_admin")
    (role,) = (r for r in admin.api.get("/roles").json()["items"] if r["name"] == "Administrator")
    answer = admin.api.patch(f"/roles/{role['id']}", json={"capabilities": ["text.reply"]})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "last_admin")


def test_a_role_is_a_set_of_capabilities(school):
    """D3, S3-13: who holds `text.start` is a permitted role"""
    admin = school.admin()
    made = admin.api.post("/roles", json={"name": "Tutor", "capabilities": ["text.reply"]})
    assert made.status_code == 201
    tutor = made.json()
    assert tutor == {
        "id": tutor["id"],
        "name": "Tutor",
        "kind": "staff",
        "capabilities": ["text.reply"],
        "members": 0,
    }
    nia = school.member("Tutor", name="Nia Fox")
    body = {"person_id": school.person("mobile").id, "body": "Hello"}
    assert nia.api.post("/messages", json=body).status_code == 403
    more = {"capabilities": ["text.reply", "text.start"]}
    changed = admin.api.patch(f"/roles/{tutor['id']}", json=more).json()
    assert (changed["capabilities"], changed["members"]) == (more["capabilities"], 1)
    assert nia.api.post("/messages", json=body).status_code == 201
    assert "Tutor" in admin.api.get("/settings").json()["permitted_roles"]
    twice = admin.api.post("/roles", json={"name": "Tutor", "capabilities": []})
    assert (twice.status_code, twice.json()["error"]["code"]) == (409, "role_exists")
    unknown = admin.api.post("/roles", json={"name": "X", "capabilities": ["text.fly"]})
    assert unknown.status_code == 422


def test_nobody_grants_what_they_do_not_have(school, narrowed):
    api = narrowed(school.admin(), "staff.manage")
    assert api.post("/staff", json=new_staff()).status_code == 403
    role = {"name": "Helper", "capabilities": ["settings.edit"]}
    assert api.post("/roles", json=role).status_code == 403
    assert school.admin().api.get("/roles").json()["items"][0]["name"] != "Helper"
