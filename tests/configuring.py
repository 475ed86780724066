"""Configuring: what an administrator sets at a school, and the form it is set with."""

from typing import Any

from tests.school import School


def settings(school: School) -> dict[str, Any]:
    """What is saved now."""
    found: dict[str, Any] = school.admin().api.get("/settings").json()
    return found


def general(school: School, **changes: Any) -> dict[str, Any]:
    """The form of General Settings as the admin's browser would send it. What is None is left
    out."""
    found = settings(school)
    form = {name: found[name] for name in ("student_default", "staff_default")}
    form |= {name: found[name] for name in ("default_phone_type", "permitted_roles", "limit_unit")}
    for name in ("number_limit", "message_limit", "cool_off_days", "max_length"):
        form[name] = "" if found[name] is None else str(found[name])
    for name in ("first_contact", "help_contact"):
        form[name] = found[name] or ""
    for name in ("more_stop_words", "more_start_words"):
        form[name] = "\r\n".join(found[name])
    form |= {"sms_enabled": "on", "version": str(found["version"])}
    return {k: v for k, v in {**form, **changes}.items() if v is not None}


def role(school: School, name: str, *capabilities: str) -> str:
    """A new role with exactly these rights; its name."""
    body = {"name": name, "capabilities": list(capabilities)}
    assert school.admin().api.post("/roles", json=body).status_code == 201
    return name
