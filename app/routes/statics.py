"""Statics: scripts, styles, icons and type, at an address that changes with what is in them: a
browser asks for each once, and for nothing but the page afterwards."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, send_from_directory

from app.config import ROOT

FOLDER = ROOT / "app" / "static"
_YEAR = 365 * 24 * 60 * 60  # seconds


def init_app(app: Flask) -> None:
    """`static` in templates is where they are. What they name of each other is beside them."""
    app.add_url_rule("/static/<path:filename>", "static", _static)
    app.add_url_rule("/static/v-<version>/<path:filename>", "static", _static)
    app.jinja_env.globals["static"] = f"/static/v-{_version(FOLDER)}"


def _static(filename: str, version: str = "") -> Response:
    """Kept for good under its own version. A page of before a deploy gets what there is now, and a
    browser asks again whether it has changed."""
    response = send_from_directory(FOLDER, filename)
    if version == _version(FOLDER):
        response.cache_control.no_cache = None
        response.cache_control.public = response.cache_control.immutable = True
        response.cache_control.max_age = _YEAR
    return response


@cache
def _version(folder: Path) -> str:
    """Twelve hex digits, of all files in it."""
    digest = sha256()
    for file in sorted(file for file in folder.rglob("*") if file.is_file()):
        digest.update(str(file.relative_to(folder)).encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]
