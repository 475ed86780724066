"""Covering: the form and the list of covers, on one's own page and on that of a colleague."""

from datetime import date
from typing import Any

from flask import request

from app import clock
from app.errors import Conflict, Invalid
from app.routes.filters import local, row_id
from app.security import viewer
from app.services import colleagues, cover


def shown(staff_id: int, problems: dict[str, str]) -> dict[str, Any]:
    """What `profile/_cover.html` needs about this member of staff."""
    covers = cover.of(viewer(), staff_id)
    return {
        "covers": [c for c in covers if c.staff_id == staff_id],
        "covering": [c for c in covers if c.staff_id != staff_id],
        "colleagues": colleagues.others(viewer(), staff_id),
        "today": local(clock.now()).date(),
        "form": request.form if problems else {},
        "problems": problems,
    }


def arrange(staff_id: int) -> dict[str, str]:
    """Carry out the form; field → what is wrong, nothing where it was done."""
    try:
        first, last = _day("first"), _day("last")
        cover.arrange(viewer(), staff_id, _colleague(), first, last)
    except (Invalid, Conflict) as error:
        return {p["field"]: p["message"] for p in error.fields} or {"first": str(error)}
    return {}


def _day(name: str) -> date:
    try:
        return date.fromisoformat(request.form.get(name, ""))
    except ValueError:
        raise Invalid(name, "Choose a day.") from None


def _colleague() -> int:
    try:
        return row_id(request.form.get("by", ""))
    except ValueError:
        raise Invalid("by", "Choose a colleague.") from None
