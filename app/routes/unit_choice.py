"""Unit choice: the org unit that a form chooses for somebody."""

from typing import Any

from flask import request

from app.routes.filters import row_id


def chosen(name: str) -> int | None:
    """An id that stands in the form; None for none, and 0, which is no unit's, for junk."""
    text = request.form.get(name, "")
    try:
        return row_id(text) if text else None
    except ValueError:
        return 0


def typed() -> dict[str, Any]:
    """What a form about a member of staff says; `unit_seen` only where it showed the choice."""
    seen = {"unit_seen": chosen("unit_seen")} if "unit_seen" in request.form else {}
    return {"unit": chosen("unit"), **seen}


def changes(form: dict[str, Any]) -> dict[str, Any]:
    """For `staff.change`. A form that shows no units changes none."""
    if "unit_seen" not in form:
        return {}
    return {"org_unit_id": form["unit"], "unit_seen": form["unit_seen"]}
