"""Twilio."""

from typing import Any
from app.routes.configuration.frame import bp
from app.security import allowed


@bp.get("/twilio")
@allowed()
def twilio() -> Any:
    return ""
