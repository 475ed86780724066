"""Docs: the API on a page that people read, made from the same description as openapi.json."""

import json
import re
import shlex
import sys
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from flask import current_app, render_template
from markupsafe import Markup, escape

from app.api import hooks
from app.api.endpoints import ID_DIGITS, KEY_LENGTH, blueprint
from app.api.openapi import Json, document
from app.api.types import BIGGEST_ID
from app.config import Settings
from app.rules.access import MEANING
from app.rules.hooks import CHOICES, GONE
from app.services.idempotency import KEPT

_CODE = re.compile(r"`([^`]+)`")
_LIMITS = {
    "minimum": "from {}",
    "maximum": "to {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "maxItems": "at most {} of them",
}
_UNSAID = {0, 1, BIGGEST_ID, 10**ID_DIGITS - 1}  # limits that go without saying


class Field(NamedTuple):
    name: str
    kind: Markup
    required: bool
    notes: str


@blueprint.get("/docs")
def docs() -> str:
    """For everybody who has the address, as the description is; it tells nothing of anybody."""
    settings: Settings = current_app.config["SETTINGS"]
    base = f"{settings.public}{blueprint.url_prefix}"
    return render_template(
        "api/docs.html",
        base=base,
        groups=_groups(base),
        shapes=_shapes(),
        scopes=MEANING,
        per_minute=settings.timing.api_per_minute,
        key_length=KEY_LENGTH,
        events=CHOICES,
        gone=GONE,
        verify=hooks.VERIFY,
        hook_seconds=int(settings.timing.hook_deadline),
        hook_hours=int(settings.timing.hook_give_up // 3600),
        key_hours=int(KEPT.total_seconds() // 3600),
    )


docs.public = True  # type: ignore[attr-defined]


@lru_cache(maxsize=2)
def _groups(base: str) -> list[Json]:
    found: dict[str, list[Json]] = {}
    for path, methods in document()["paths"].items():
        for method, described in methods.items():
            shown = _operation(base, path, method.upper(), described)
            found.setdefault(described["tags"][0], []).append(shown)
    return [
        {"name": name, "words": _about(name), "operations": operations}
        for name, operations in sorted(found.items())
    ]


def _about(group: str) -> str:
    """What the module of these operations says that it is for, without its sources."""
    said = sys.modules[f"app.api.{group}"].__doc__ or ""
    words = " ".join(said.partition("\n\n")[0].partition(": ")[2].split())
    words = re.sub(r" \([^)]*\)", "", words)
    return words[:1].upper() + words[1:]


def _operation(base: str, path: str, method: str, described: Json) -> Json:
    body = described.get("requestBody", {}).get("content", {}).get("application/json")
    (done, answer), *refusals = described["responses"].items()
    shown = answer.get("content", {}).get("application/json")
    return {
        "id": described["operationId"],
        "method": method,
        "path": path,
        "summary": described["summary"],
        "description": _coded(described["description"]),
        "parameters": [_parameter(p) for p in described["parameters"]],
        "body": body and [*_fields(_named(body["schema"]))],
        "body_words": body and _coded(_named(body["schema"]).get("description", "")),
        "status": done,
        "answer": shown and _kind(shown["schema"]),
        "refusals": [(status, _coded(told["description"])) for status, told in refusals],
        "curl": _curl(f"{base}{path}", method, described["parameters"], body and body["example"]),
    }


def _parameter(parameter: Json) -> Json:
    schema = parameter["schema"]
    field = Field(
        parameter["name"], _kind(schema), parameter.get("required", False), _notes(schema)
    )
    return {"where": parameter["in"], "field": field}


def _shapes() -> list[Json]:
    """What goes out and comes in, but for the pages of lists, which are all alike."""
    return [
        {
            "name": name,
            "words": _coded(schema.get("description", "")),
            "fields": [*_fields(schema)],
        }
        for name, schema in document()["components"]["schemas"].items()
        if schema.get("type") == "object"
    ]


def _named(schema: Json) -> Json:
    found: Json = document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return found


def _fields(schema: Json) -> Iterator[Field]:
    needed = schema.get("required", [])
    for name, part in schema.get("properties", {}).items():
        yield Field(name, _kind(part), name in needed, _notes(part))


def _kind(schema: Json) -> Markup:
    """The kind of a value in words; a shape of ours is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        named = _named(schema)
        if "enum" in named:
            return _kind(named)
        return Markup('<a href="#shape-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(map(_kind, schema["anyOf"]))
    if words := schema.get("enum") or ([schema["const"]] if "const" in schema else None):
        return Markup(" | ").join(Markup("<code>{}</code>").format(word) for word in words)
    if schema.get("format") == "date-time":
        return Markup("time")
    match schema.get("type"):
        case "array":
            return Markup("list of ") + _kind(schema["items"])
        case "object":
            return Markup("object of ") + _kind(schema.get("additionalProperties") or {})
        case "boolean":
            return Markup("<code>true</code> | <code>false</code>")
        case None:
            return Markup("anything")
    return escape(schema["type"])


def _notes(schema: Json) -> str:
    parts = [schema, *schema.get("anyOf", [])]
    limits = [
        words.format(f"{part[name]:,}")
        for part in parts
        for name, words in _LIMITS.items()
        if part.get(name, 0) not in _UNSAID
    ]
    if schema.get("default") not in (None, "", []):
        limits.append(f"{schema['default']} unless given")
    return ", ".join(limits)


def _coded(text: str) -> Markup:
    """Our own words, where `this` is code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 (escaped)


def _curl(url: str, method: str, parameters: list[Json], body: Any) -> str:
    """A command that can be pasted into a shell where TOKEN is set."""
    query = []
    for parameter in parameters:
        name, example = parameter["name"], parameter["schema"].get("examples", [None])[0]
        if parameter["in"] == "path":
            url = url.replace(f"{{{name}}}", str(example))
        elif parameter["in"] == "query" and example is not None:
            said = example if isinstance(example, str) else json.dumps(example)
            query.append(f"--data-urlencode {shlex.quote(f'{name}={said}')}")
    unsaid = "POST" if body is not None else "GET"  # what curl does by itself
    flags = ("-G " if query else "") + (f"-X {method} " if method != unsaid else "")
    lines = [f"curl {flags}{shlex.quote(url)}", '-H "Authorization: Bearer $TOKEN"', *query[:1]]
    if body is not None:
        lines.append("-H 'Content-Type: application/json'")
        lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)
