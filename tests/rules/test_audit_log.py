"""Audit log: every action that is written down has its sentence, and an unknown one is told too."""

import ast
import re
from pathlib import Path

import pytest

import app.services
from app.rules.audit_log import DEEDS, KINDS, Kind, Names, kind_of, shown, told

NAMES = Names(
    "Maya Torres", "Maya Torres", {1: "Dana Whitfield", 2: "Kim Alvarez"}, {7: "Noor Haddad"}, 3
)
ACTION = re.compile(r"[a-z_]+\.[a-z_]+")

SENTENCES = [
    (
        "conversation.read",
        {"holder": 1},
        "read the conversation of Dana Whitfield with Maya Torres",
    ),
    (
        "conversation.handed_over",
        {"was": None, "to": 2},
        "handed the conversation with Maya Torres from nobody to Kim Alvarez",
    ),
    ("consent.changed", {"status": "disabled"}, "set Maya Torres of Maya Torres to SMS Disabled"),
    ("number.identified", {"person": 7}, "said that Maya Torres is the number of Noor Haddad"),
    ("settings.changed", {"cool_off_days": [0, 7]}, "changed the settings, version 3"),
    ("role.deleted", {"name": "{target} [Tutor]"}, "deleted the role {target} [Tutor]"),
    ("standard_text.changed", {"title": "a ] b"}, "changed the shared text a ] b"),
    ("cover.arranged", {"by": 99}, "arranged that somebody covers for Maya Torres"),
]
SHOWN = [
    ("staff.created", {"roles": ["Advisor", "Tutor"]}, [("Roles", "Advisor, Tutor")]),
    ("phone.changed", {"type": None, "verified": True}, [("Verified", "yes")]),
    ("role.saved", {"capabilities": ["people.read"]}, [("May", "See people and their phones")]),
    ("token.created", {"name": "x", "scopes": None}, [("Rights", "all of its owner")]),
    (
        "number.reassigned",
        {"holder": 1, "was": 2, "conversations": "move"},
        [("Held before by", "Kim Alvarez"), ("Open conversations", "went along")],
    ),
    (
        "staff.deactivated",
        {"number": None, "conversations": 2, "moved": 4, "texts": "moved", "students": None},
        [
            ("Number", "back to the pool"),
            ("Open conversations", "to Kim Alvarez"),
            ("Conversations moved", "4"),
            ("Texts for later", "moved"),
            ("Students", "nobody"),
        ],
    ),
    (
        "cover.arranged",
        {"by": 2, "first": "2026-11-02", "last": "2026-12-24"},
        [("First day", "Nov 2, 2026"), ("Last day", "Dec 24, 2026")],
    ),
    ("settings.changed", {"cool_off_days": [0, 7]}, []),
    ("import.finished", {"rows": 5, "odd": {"a": 1}}, [("Rows", "5")]),
]


@pytest.mark.parametrize(("action", "detail", "sentence"), SENTENCES)
def test_what_was_done_is_a_sentence(action, detail, sentence):
    assert str(told(action, detail, NAMES)) == sentence


@pytest.mark.parametrize(("action", "detail", "facts"), SHOWN)
def test_what_else_is_known_is_told_with_it(action, detail, facts):
    assert shown(action, detail, NAMES) == facts


@pytest.mark.parametrize(
    ("action", "target", "sentence"),
    [
        ("import.finished", "import 5", "finished import 5"),
        ("webhook.secret_changed", "endpoint 3", "secret changed webhook: endpoint 3"),
        ("odd", "thing 1", "odd: thing 1"),
        ("campaign.[sent]{x}", "campaign 2", "sentx campaign 2"),
    ],
)
def test_an_action_that_nobody_taught_us_is_told_too(action, target, sentence):
    found = told(action, {}, Names(target))
    assert str(found) == sentence
    assert kind_of(action) is Kind.OTHER


def test_every_kind_has_a_name_and_every_deed_a_kind():
    assert set(KINDS) == set(Kind)
    assert {deed.kind for deed in DEEDS.values()} == set(Kind) - {Kind.OTHER}


def test_a_deed_reads_as_the_rest_of_a_sentence():
    for action in DEEDS:
        found = str(told(action, {}, NAMES))
        assert re.fullmatch(r"[a-z].*[^.\s]", found), found
        assert not re.search(r"[{}\[\]_]", found), found


def _called(call: ast.Call) -> str | None:
    """`f` of f() and of a.f()"""
    return getattr(call.func, "id", None) or getattr(call.func, "attr", None)


def written_down() -> set[str]:
    """The actions that the services audit: literals that go to `audit`, to what exports share, or
    to a function beside them that does."""
    found: set[str] = set()
    for path in Path(app.services.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        passes_on = {
            function.name
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef) and _parameter_goes_to_audit(function)
        }
        for call in calls:
            if _called(call) in passes_on | {"audit", "write_down"}:
                found |= {
                    a.value
                    for a in ast.walk(call)
                    if isinstance(a, ast.Constant)
                    and isinstance(a.value, str)
                    and ACTION.fullmatch(a.value)
                }
    return found


def _parameter_goes_to_audit(function: ast.FunctionDef) -> bool:
    names = {argument.arg for argument in function.args.args}
    return any(
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "audit"
        and any(isinstance(a, ast.Name) and a.id in names & {"action"} for a in call.args)
        for call in ast.walk(function)
    )


def test_every_action_that_is_written_down_has_its_sentence_and_none_is_left_over():
    assert written_down() == set(DEEDS)
