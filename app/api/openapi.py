"""OpenAPI: the description of the API, made from the types of its operations."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.api.endpoints import ID_DIGITS, KEY_LENGTH, OPERATIONS, Operation, blueprint
from app.api.examples import example_of
from app.api.types import Shape

Json = dict[str, Any]
Models = dict[tuple[Any, JsonSchemaMode], Json]  # by model and side of the wire

_PARAMETER = re.compile(r"<(id|path):(\w+)>")
_TYPES: dict[str, Json] = {
    "id": {"type": "integer", "minimum": 1, "maximum": 10**ID_DIGITS - 1, "examples": [12345]},
    "path": {"type": "string", "minLength": 1, "examples": ["N0041877"]},
}

# Refused before the application sees it, so not in its words.
_TOO_LONG = {"414": {"description": "The address is too long."}}


class FieldProblem(Shape):
    field: str
    message: str


class Problem(Shape):
    """`code`: stable, for programs. `message`: plain words, for people."""

    code: str
    message: str
    fields: list[FieldProblem]
    request_id: str | None


class Error(Shape):
    error: Problem


@blueprint.get("/openapi.json")
def openapi() -> Response:
    return jsonify(document())


openapi.public = True  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def document() -> Json:
    refs, schemas = models_json_schema(list(_models()), ref_template="#/components/schemas/{model}")
    paths: Json = {}
    for operation in OPERATIONS:
        path = _PARAMETER.sub(r"{\2}", operation.rule)
        paths.setdefault(path, {})[operation.method.lower()] = _described(operation, refs)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Replyline", "version": "1"},
        "servers": [{"url": blueprint.url_prefix}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _models() -> Iterator[tuple[type[BaseModel], JsonSchemaMode]]:
    yield Error, "serialization"
    for operation in OPERATIONS:
        if operation.body:
            yield operation.body, "validation"
        if operation.answer:
            yield operation.answer, "serialization"


def _described(operation: Operation, refs: Models) -> Json:
    summary, _, more = (operation.view.__doc__ or "").partition("\n\n")
    group = operation.view.__module__.rpartition(".")[2]
    answer = _content(refs[operation.answer, "serialization"]) if operation.answer else {}
    described: Json = {
        "operationId": f"{group}_{operation.view.__name__.rstrip('_')}",
        "tags": [group],
        "summary": summary,
        "description": " ".join(
            [_needs(operation), *more.split(), *_query_words(operation)]
        ).strip(),
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.status): {"description": "Done.", **answer},
            **{
                str(status): {"description": why, **_content(refs[Error, "serialization"])}
                for status, why in _refusals(operation)
            },
            **_TOO_LONG,
        },
    }
    if operation.body:
        example = example_of(operation.body.model_json_schema())
        body = _content(refs[operation.body, "validation"], example)
        described["requestBody"] = {"required": True, **body}
    return described


def _refusals(operation: Operation) -> Iterator[tuple[int, str]]:
    """How an operation may refuse: the status, and why."""
    if operation.body:
        yield 400, "The body is not JSON."
    yield 401, "No token, or none that is in force."
    yield 403, "Your role, or the scopes of the token, do not allow it."
    if _PARAMETER.search(operation.rule) or _names_a_row(operation.body):
        yield 404, "There is no such thing, or it is not yours to see."
    if codes := [*operation.conflicts, *(["idempotency_mismatch"] if operation.takes_key else [])]:
        yield 409, "The state does not allow it: " + ", ".join(f"`{code}`" for code in codes) + "."
    if operation.body:
        yield 413, f"The body is larger than {operation.most_mb} MB."
        yield 415, "The body is not declared as `application/json`."
    yield 422, "A parameter or a field is wrong or unknown; `fields` names it."
    yield 429, "Too many requests of this token; `Retry-After` says how many seconds to wait."
    yield 503, "The database, or the provider, cannot be reached. Nothing was changed."


def _names_a_row(body: type[BaseModel] | None) -> bool:
    return any(name in ("person_id", "staff_id") for name in (body.model_fields if body else ()))


def _needs(operation: Operation) -> str:
    names = " or ".join(f"`{can}`" for can in operation.one_of)
    return f"Needs {names}." if names else ""


def _query_words(operation: Operation) -> list[str]:
    return (operation.query.__doc__ or "").split() if operation.query else []


def _content(schema: Json, example: Any = None) -> Json:
    shown = {"schema": schema} | ({"example": example} if example is not None else {})
    return {"content": {"application/json": shown}}


def _parameters(operation: Operation) -> Iterator[Json]:
    for kind, name in _PARAMETER.findall(operation.rule):
        yield {"name": name, "in": "path", "required": True, "schema": _TYPES[kind]}
    if operation.query:
        for name, schema in _flat(operation.query)["properties"].items():
            yield {"name": name, "in": "query", "schema": schema}
    if operation.takes_key:
        schema = {"type": "string", "minLength": 1, "maxLength": KEY_LENGTH}
        yield {"name": "Idempotency-Key", "in": "header", "schema": schema}


def _flat(model: type[BaseModel]) -> Json:
    """The schema of a query with its few enums written out where they are used."""
    schema = model.model_json_schema()
    defined = schema.pop("$defs", {})

    def inline(part: Any) -> Any:
        if isinstance(part, list):
            return [inline(item) for item in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return defined[part["$ref"].rpartition("/")[2]]
        return {name: inline(value) for name, value in part.items()}

    flat: Json = inline(schema)
    flat["properties"] = {name: _given(part) for name, part in flat["properties"].items()}
    return flat


def _given(schema: Json) -> Json:
    """Of a parameter: what is left out is left out, and nobody can write null into an address."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    said = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    if schema.get("default") is not None:
        said["default"] = schema["default"]
    return {**(kinds[0] if kinds else {}), **said}
