"""Endpoints: one decorator makes an operation of the API out of a typed function.

    @post("/people", Can.PEOPLE_EDIT)
    def create(viewer: Viewer, body: NewPerson) -> Person: ...

The annotations are the whole declaration: `body` and `query` are read and checked by their types,
the answer is written by the return type, and `openapi` describes the same types. One of the
capabilities must be the viewer's; none named = every valid token. `conflicts`: the codes of its
409, for those who read the description. `shown_once`: a field that only the first answer holds.
`most_mb`: what a body may have.
The order of checks is the same everywhere: token 401, rate 429, shape 415, 413, 400, 422,
capability 403, then whatever the service says. Every POST takes an Idempotency-Key.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, get_type_hints

from flask import Blueprint, Response, g, request
from pydantic import BaseModel, TypeAdapter, ValidationError
from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.routing import BaseConverter

from app.api import rate
from app.api.types import Input, Query
from app.errors import BadRequest, Invalid, Unauthorized
from app.rules.access import Can, Viewer
from app.security import credential, require_one, viewer_of_token
from app.services import idempotency

View = TypeVar("View", bound=Callable[..., Any])
KEY_LENGTH = 80  # characters of an Idempotency-Key
ID_DIGITS = 18

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")


class IdConverter(BaseConverter):
    """`<id:person_id>`: what cannot be an id is a 404, so none has more digits than every database
    can count. (One refused in `to_python` would be a 405 where a path has several methods.)"""

    regex = f"[1-9][0-9]{{0,{ID_DIGITS - 1}}}"

    def to_python(self, value: str) -> int:
        return int(value)


@dataclass(frozen=True, slots=True)
class Operation:
    """`query`, `body`, `answer`: types; None where there is none."""

    method: str
    rule: str
    view: Callable[..., Any]
    one_of: tuple[Can, ...]
    status: int
    conflicts: tuple[str, ...]
    shown_once: str | None
    most_mb: int
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    answer: Any

    @property
    def takes_key(self) -> bool:
        return self.method == "POST"


OPERATIONS: list[Operation] = []


def _operation(
    method: str,
    rule: str,
    *one_of: Can,
    status: int = 200,
    conflicts: tuple[str, ...] = (),
    shown_once: str | None = None,
    most_mb: int = 1,
) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        types = get_type_hints(view)
        query, body, answer = (types.get(name) for name in ("query", "body", "return"))
        answer = None if answer is type(None) else answer
        operation = Operation(
            method, rule, view, one_of, status, conflicts, shown_once, most_mb, query, body, answer
        )
        OPERATIONS.append(operation)
        serve = partial(_serve, operation, answer and TypeAdapter(answer))
        serve.one_of = one_of  # type: ignore[attr-defined]
        name = f"{view.__module__.rpartition('.')[2]}_{view.__name__}"
        blueprint.add_url_rule(rule, name, serve, methods=[method])
        return view

    return decorate


get = partial(_operation, "GET")
post = partial(_operation, "POST", status=201)
put = partial(_operation, "PUT")
patch = partial(_operation, "PATCH")
delete = partial(_operation, "DELETE", status=204)


def _serve(operation: Operation, answer: TypeAdapter[Any] | None, **given: Any) -> Response:
    g.viewer = viewer_of_token()
    if g.viewer is None:
        raise Unauthorized("Send a valid token: “Authorization: Bearer TOKEN”.")
    rate.count(credential().id)
    query = _query(operation.query or Query)
    if operation.query:
        given["query"] = query
    may = not operation.one_of or any(g.viewer.can(each) for each in operation.one_of)
    request.max_content_length = (operation.most_mb if may else 1) * 1024 * 1024
    if operation.body:
        given["body"] = _body(operation.body)
    elif request.content_length:
        _body(Input)  # nothing is expected, so every field is an unknown one
    key = _idempotency_key() if operation.takes_key else None
    viewer = require_one(*operation.one_of)
    work = partial(_work, operation, answer, viewer, given)
    content = idempotency.once(viewer, key, _asked(given), work) if key else work()[0]
    return Response(content, operation.status, content_type="application/json")


def _work(
    operation: Operation, answer: TypeAdapter[Any] | None, viewer: Viewer, given: dict[str, Any]
) -> tuple[bytes, bytes]:
    """The answer, and what of it may be kept to be given again."""
    found = operation.view(viewer, **given)
    if answer is None:
        return b"", b""
    content = answer.dump_json(found, by_alias=True)
    if operation.shown_once is None:
        return content, content
    without = found.model_copy(update={operation.shown_once: None})
    return content, answer.dump_json(without, by_alias=True)


def _asked(given: dict[str, Any]) -> bytes:
    """What makes two requests the same: where they go, and what their body says."""
    body: BaseModel | None = given.get("body")
    said = body.model_dump_json() if body else ""
    return f"{request.method} {request.path}\n{said}".encode()


def _query(model: type[BaseModel]) -> BaseModel:
    given = {
        name: values[0] if len(values) == 1 else values for name, values in request.args.lists()
    }
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise _invalid(error) from None


def _body(model: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json":
        raise UnsupportedMediaType("Send JSON, with “Content-Type: application/json”.")
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise _invalid(error) from None


def _idempotency_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LENGTH and key.isascii() and key.isprintable()):
        message = f"An Idempotency-Key has 1 to {KEY_LENGTH} plain characters."
        raise Invalid("Idempotency-Key", message)
    return key


def _invalid(error: ValidationError) -> Exception:
    """The first problem of each field, in plain words."""
    problems: dict[str, str] = {}
    for problem in error.errors(include_url=False, include_context=False, include_input=False):
        name = ".".join(map(str, problem["loc"]))
        words = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "json_invalid":
            return BadRequest(f"This is not JSON: {words.removeprefix('Invalid JSON: ')}.")
        if problem["type"] == "extra_forbidden":
            words = f"There is no field {name[:100]}."
        problems.setdefault(name or "body", words)
    return Invalid.many(problems)


@blueprint.after_request
def _challenge(response: Response) -> Response:
    if response.status_code == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response
