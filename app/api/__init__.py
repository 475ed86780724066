"""API: the services as JSON under /api/v1, for the programs of a member of staff (contract 4)."""

from flask import Flask

from app.api import (  # noqa: F401 (each adds its operations)
    conversations,
    docs,
    endpoints,
    events,
    imports,
    merges,
    messages,
    numbers,
    openapi,
    people,
    person_phones,
    phones,
    settings,
    staff,
    standard_texts,
    tokens,
    usage,
)


def init_app(app: Flask) -> None:
    app.url_map.converters["id"] = endpoints.IdConverter
    app.register_blueprint(endpoints.blueprint)
    if csrf := app.extensions.get("csrf"):
        csrf.exempt(endpoints.blueprint)  # no cookie is accepted here
