"""Who may do what (D3, reliability 5.1): one line for every operation. One without a line fails."""

import re
import secrets
from typing import Any

import httpx
import pytest

from app.api.endpoints import OPERATIONS
from tests.school import PASSWORD

NOBODY = 999_999_999  # an id that no row has

# Who is not answered 403, by the letters of ROLES; S = an Administrator's token with the one scope
# `people.read`. The ids are unknown, so nothing changes. To write is refused by the service, not at
# the door, because it depends on the conversation (D4, D41).
DOORS: dict[str, tuple[str, Any]] = {
    "GET /people": ("AMVRUS", None),
    "POST /people": ("AMV", {"given_name": "Pat"}),
    "PUT /people/by-source/<path:source_id>": ("AMV", {"given_name": "Pat", "family_name": "Li"}),
    "GET /people/<id:person_id>": ("AMVRUS", None),
    "PATCH /people/<id:person_id>": ("AMV", {}),
    "POST /people/<id:person_id>/phones": ("AMV", {"number": "5125550147"}),
    "POST /people/<id:person_id>/merge": ("AM", {"other": NOBODY}),
    "POST /merges/<id:merge_id>/undo": ("AM", None),
    "GET /people/<id:person_id>/route": ("AMV", None),
    "GET /people/<id:person_id>/advisors": ("AMVRUS", None),
    "PUT /people/<id:person_id>/advisors/<id:staff_id>": ("AMV", None),
    "DELETE /people/<id:person_id>/advisors/<id:staff_id>": ("AMV", None),
    "GET /person-phones": ("AMVRUS", None),
    "GET /imports": ("AM", None),
    "POST /imports": ("AM", {"files": [{"text": "x"}]}),
    "GET /imports/<id:import_id>": ("AM", None),
    "GET /imports/<id:import_id>/rows": ("AM", None),
    "POST /imports/<id:import_id>/start": ("AM", {}),
    "POST /imports/<id:import_id>/stop": ("AM", None),
    "POST /imports/<id:import_id>/removal": ("AM", {"remove": False}),
    "PATCH /phones/<id:phone_id>": ("AMV", {}),
    "DELETE /phones/<id:phone_id>": ("AMV", None),
    "POST /phones/<id:phone_id>/consent": ("AMV", {"status": "disabled", "reason": "asked"}),
    "GET /phones/<id:phone_id>/consent": ("AMVRUS", None),
    "POST /messages": ("AMV", {"person_id": NOBODY, "body": "Hello"}),
    "GET /messages": ("AMVRU", None),
    "GET /messages/<id:message_id>": ("AMVRU", None),
    "POST /messages/<id:message_id>/cancel": ("AMVR", None),
    "POST /messages/<id:message_id>/resend": ("AMVR", None),
    "GET /conversations": ("AMVRU", None),
    "GET /conversations/<id:conversation_id>": ("AMVRU", None),
    "PATCH /conversations/<id:conversation_id>": ("AMVR", {}),
    "GET /conversations/<id:conversation_id>/messages": ("AMVRU", None),
    "POST /conversations/<id:conversation_id>/messages": ("AMVRUS", {"body": "Hello"}),
    "GET /numbers": ("A", None),
    "POST /numbers": ("A", {"number": "911"}),
    "POST /numbers/<id:number_id>/assign": ("A", {"staff_id": 1, "conversations": "keep"}),
    "PATCH /numbers/<id:number_id>": ("A", {"org_unit_id": None}),
    "DELETE /numbers/<id:number_id>/assignment": ("A", None),
    "DELETE /numbers/<id:number_id>": ("A", None),
    "GET /staff": ("A", None),
    "POST /staff": ("A", {"email": "x", "name": "X", "roles": ["Advisor"], "password": PASSWORD}),
    "PATCH /staff/<id:staff_id>": ("A", {}),
    "GET /org-units": ("AMVRU", None),
    "GET /roles": ("A", None),
    "POST /roles": ("A", {"name": "Tutor", "capabilities": []}),
    "PATCH /roles/<id:role_id>": ("A", {}),
    "GET /tokens": ("A", None),
    "POST /tokens": ("A", {"name": "reports"}),
    "DELETE /tokens/<id:token_id>": ("A", None),
    "GET /settings": ("A", None),
    "GET /standard-texts": ("AMVR", None),
    "POST /standard-texts": ("AMVR", {"title": "Hello", "body": "\u200b"}),
    "PATCH /standard-texts/<id:text_id>": ("AMVR", {}),
    "DELETE /standard-texts/<id:text_id>": ("AMVR", None),
    "PATCH /settings": ("A", {"version": 0}),
    "GET /usage": ("AMVRUS", None),
    "GET /events": ("AMVRU", None),
}
_IMPORT = {"files": [{"text": "ID,First name\nN1,Maya\n"}], "dry_run": True}
ROLES = {"A": "Administrator", "M": "Manager", "V": "Advisor", "R": "Responder", "U": "Auditor"}


def ask(api: httpx.Client, operation: str, ids: dict[str, Any] | None = None) -> httpx.Response:
    """The operation with its body, on these ids or on ones that nothing has."""
    method, rule = operation.split(" ", 1)
    given = {"source_id": secrets.token_hex(4), **(ids or {})}
    path = re.sub(r"<\w+:(\w+)>", lambda m: str(given.get(m[1], NOBODY)), rule)
    return api.request(method, path, json=DOORS[operation][1])


def test_every_operation_has_a_line():
    assert {f"{o.method} {o.rule}" for o in OPERATIONS} == set(DOORS)


def test_nobody_gets_in_without_a_token(quiet):
    """A1, A2: one answer for every cause."""
    token = quiet.admin().api.headers["Authorization"]
    wrong = ({}, {"Authorization": "Bearer nonsense"}, {"Authorization": token.split()[1]})
    for headers in (*wrong, {"Authorization": token.replace("Bearer", "Basic")}):
        with httpx.Client(
            base_url=f"{quiet.url}/api/v1", headers=headers, trust_env=False
        ) as stranger:
            said = set()
            for operation in DOORS:
                answer = ask(stranger, operation)
                assert answer.status_code == 401, operation
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                said.add((answer.json()["error"]["code"], answer.json()["error"]["message"]))
            assert len(said) == 1


def test_a_token_in_the_address_is_none(quiet):
    """A2"""
    token = quiet.admin().api.headers["Authorization"].split()[1]
    for name in ("token", "access_token", "Authorization"):
        answer = httpx.get(f"{quiet.url}/api/v1/usage?{name}={token}", timeout=30, trust_env=False)
        assert answer.status_code == 401


def test_a_browsers_session_is_no_key(school):
    """X2: the API is exempt from CSRF because it accepts no cookie."""
    dana = school.member()
    with httpx.Client(base_url=school.url, timeout=30, trust_env=False) as browser:
        form = browser.get("/login").text
        csrf = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', form)
        assert csrf
        known = {"email": dana.email, "password": PASSWORD, "csrf_token": csrf[1]}
        assert browser.post("/login", data=known).status_code == 303
        assert browser.get("/inbox").status_code == 200
        assert browser.get("/api/v1/usage").status_code == 401


@pytest.mark.parametrize("letter", ROLES)
def test_each_role_gets_past_its_doors(letter, school):
    """D3"""
    _check(letter, school.member(ROLES[letter]).api)


def test_scopes_narrow_what_a_role_may_do(school, narrowed):
    """A3"""
    _check("S", narrowed(school.admin(), "people.read"))


def _check(letter: str, api: httpx.Client) -> None:
    for operation, (letters, _) in DOORS.items():
        answer = ask(api, operation)
        refused = answer.status_code == 403
        assert refused == (letter not in letters), f"{operation}: {answer.text}"


def test_whoever_is_not_active_loses_their_tokens(school):
    """X12"""
    dana, admin = school.member(), school.admin()
    assert dana.api.get("/usage").status_code == 200
    assert admin.api.patch(f"/staff/{dana.id}", json={"active": False}).status_code == 200
    assert dana.api.get("/usage").status_code == 401


def test_nothing_of_another_institution_can_be_reached(school, elsewhere):
    """A4, M10: as if it did not exist, for whatever operation names it."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    sent = dana.send(maya)
    ids = {
        "person_id": maya.id,
        "phone_id": maya.phone_ids[0],
        "message_id": sent["id"],
        "conversation_id": sent["conversation_id"],
        "number_id": school.admin().api.get("/numbers").json()["items"][0]["id"],
        "staff_id": dana.id,
        "role_id": school.admin().api.get("/roles").json()["items"][0]["id"],
        "token_id": school.admin().api.get("/tokens").json()["items"][0]["id"],
        "import_id": school.admin().api.post("/imports", json=_IMPORT).json()["id"],
    }
    stranger = elsewhere.admin().api
    for operation in DOORS:
        if "<id:" in operation:
            answer = ask(stranger, operation, ids)
            assert answer.status_code == 404, f"{operation}: {answer.text}"
    assert stranger.post("/messages", json={"person_id": maya.id, "body": "Hi"}).status_code == 404
    own = {"people": 1, "messages": 0, "conversations": 0, "numbers": 0, "staff": 1}
    assert {name: len(stranger.get(f"/{name}").json()["items"]) for name in own} == own
    assert school.phone_status(maya) == ["default"]


def test_a_colleagues_conversation_is_seen_with_inbox_all_alone(school):
    """D3: own conversations; the colleague's are as if they did not exist."""
    school.pool(1)
    dana, sam, maya = school.member(), school.member(name="Sam Lee"), school.person("mobile")
    sent = dana.send(maya)
    paths = [
        f"/conversations/{sent['conversation_id']}",
        f"/conversations/{sent['conversation_id']}/messages",
        f"/messages/{sent['id']}",
    ]
    auditor = school.member("Auditor", name="Ari Gold")
    for path in paths:
        assert dana.api.get(path).status_code == 200
        assert sam.api.get(path).status_code == 404
        assert auditor.api.get(path).status_code == 200
    assert sam.conversations() == sam.api.get("/messages").json()["items"] == []
    assert len(auditor.conversations()) == len(auditor.api.get("/messages").json()["items"]) == 1
    change = {"given_name": "Nobody"}
    assert sam.api.patch(f"/people/{maya.id}", json=change).status_code == 403
    assert dana.api.patch(f"/people/{maya.id}", json={"given_name": "May"}).status_code == 200


def test_a_token_that_may_only_start_may_start(school, narrowed):
    """D3: scopes are the same words."""
    school.pool(1)
    dana, maya = school.member(), school.person("mobile")
    program = narrowed(dana, "text.start")
    sent = program.post("/messages", json={"person_id": maya.id, "body": "Hello"})
    assert sent.status_code == 201
    assert program.get(f"/messages/{sent.json()['id']}").status_code == 200
    assert program.get("/people").status_code == 403
