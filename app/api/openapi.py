"""OpenAPI: the description of the API, made from the types of its operations."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from flask import Response, jsonify
from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from app.api.endpoints import KEY_LENGTH, OPERATIONS, Operation, blueprint
from app.api.types import Shape

Json = dict[str, Any]
Models = dict[tuple[Any, JsonSchemaMode], Json]  # by model and side of the wire

_PARAMETER = re.compile(r"<(id|path):(\w+)>")
_TYPES = {"id": {"type": "integer", "minimum": 1}, "path": {"type": "string"}}


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
        "description": _needs(operation) + " ".join(more.split()),
        "parameters": list(_parameters(operation)),
        "responses": {
            str(operation.status): {"description": "Done.", **answer},
            "default": {"description": "Refused.", **_content(refs[Error, "serialization"])},
        },
    }
    if operation.body:
        body = _content(refs[operation.body, "validation"])
        described["requestBody"] = {"required": True, **body}
    return described


def _needs(operation: Operation) -> str:
    names = " or ".join(f"`{can}`" for can in operation.one_of)
    return f"Needs {names}. " if names else ""


def _content(schema: Json) -> Json:
    return {"content": {"application/json": {"schema": schema}}}


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
    return flat
