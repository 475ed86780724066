"""Tokens: shown once, narrowed by scopes, ended at once (D3, contract 4)."""

from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.database import db
from app.models import ApiToken, AuditEntry
from tests.school import School


def ask(school: School, token: str, path: str = "/usage") -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.get(f"{school.url}/api/v1{path}", headers=headers, trust_env=False)


def listed(school: School) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = school.admin().api.get("/tokens").json()["items"]
    return found


def test_a_token_is_shown_once_used_and_revoked(stack, school):
    admin = school.admin()
    answer = admin.api.post("/tokens", json={"name": "reports", "scopes": ["people.read"]})
    assert answer.status_code == 201
    made = answer.json()
    token = made.pop("token")
    assert made == {
        "id": made["id"],
        "name": "reports",
        "staff_id": admin.id,
        "scopes": ["people.read"],
        "created_at": made["created_at"],
        "last_used_at": None,
    }
    assert listed(school)[0] == made
    assert token not in admin.api.get("/tokens").text
    assert ask(school, token, "/people").status_code == 200
    assert ask(school, token, "/settings").status_code == 403
    assert listed(school)[0]["last_used_at"] > made["created_at"]

    assert admin.api.delete(f"/tokens/{made['id']}").status_code == 204
    assert ask(school, token).status_code == 401
    assert admin.api.delete(f"/tokens/{made['id']}").status_code == 404
    assert made["id"] not in [row["id"] for row in listed(school)]
    with stack.app.app_context():
        rows = db.session.execute(select(ApiToken).where(ApiToken.id == made["id"]))
        assert token not in str(vars(rows.scalar_one()))
        about = select(AuditEntry.action).where(AuditEntry.subject == f"token:{made['id']}")
        in_order = db.session.execute(about.order_by(AuditEntry.id)).scalars()
        assert list(in_order) == ["token.created", "token.revoked"]
        db.session.remove()


def test_a_colleagues_token_can_be_ended(school):
    """A leaked token must be stoppable by whoever manages tokens."""
    dana = school.member()
    (theirs,) = (row for row in listed(school) if row["staff_id"] == dana.id)
    assert theirs["scopes"] is None
    assert dana.api.get("/usage").status_code == 200
    assert school.admin().api.delete(f"/tokens/{theirs['id']}").status_code == 204
    assert dana.api.get("/usage").status_code == 401


def test_a_token_makes_none_with_more_rights(school, narrowed):
    """A3: neither by naming them nor by naming none"""
    program = narrowed(school.admin(), "tokens.manage", "people.read")
    for scopes in (None, ["staff.manage"], ["people.read", "settings.edit"]):
        answer = program.post("/tokens", json={"name": "more", "scopes": scopes})
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")
    assert program.post("/tokens", json={"name": "less", "scopes": ["people.read"]}).is_success
    assert "more" not in [row["name"] for row in listed(school)]


def test_the_page_needs_its_form_and_the_right(school):
    """U3, D3"""
    form, before = {"name": "x", "rights": "all"}, len(listed(school))
    with school.browser(school.member()) as browser:
        assert browser.post("/tokens", data=form).status_code == 403
        assert browser.get("/tokens").status_code == 403
    with school.browser(school.admin()) as browser:
        without = {"X-CSRFToken": ""}
        for path in ("/tokens", f"/tokens/{listed(school)[0]['id']}/revoke"):
            assert browser.post(path, data=form, headers=without).status_code == 400
        assert browser.post("/tokens", data={**form, "name": " "}).status_code == 422
        assert len(listed(school)) == before + 1  # the member’s own
        made = browser.post("/tokens", data=form)
        assert (made.status_code, made.headers["Cache-Control"]) == (200, "no-store")
    assert len(listed(school)) == before + 2


WRONG = [
    ({"name": " "}, "name"),
    ({"name": "x" * 81}, "name"),
    ({"name": "x", "scopes": []}, "scopes"),
    ({"name": "x", "scopes": ["text.fly"]}, "scopes.0"),
    ({"name": "x", "staff_id": 1}, "staff_id"),
]


@pytest.mark.parametrize(("body", "field"), WRONG)
def test_a_wrong_token_is_refused(body, field, quiet):
    answer = quiet.admin().api.post("/tokens", json=body)
    assert answer.status_code == 422
    assert [problem["field"] for problem in answer.json()["error"]["fields"]] == [field]
