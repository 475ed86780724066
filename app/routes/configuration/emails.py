"""Emails."""

from typing import Any
from app.routes.configuration.frame import bp
from app.security import allowed


@bp.get("/email")
@allowed()
def email() -> Any:
    return ""
