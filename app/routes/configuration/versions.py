"""Versions: a change of the settings field by field, in the words of their forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.routes.configuration.emails import PARTS, TITLES
from app.routes.configuration.general import LABELS, said


@dataclass(frozen=True, slots=True)
class Changed:
    """One field as it was and as it became."""

    label: str
    was: str
    now: str


def changed(detail: Mapping[str, Any]) -> list[Changed]:
    """`detail`: of the audit entry, {field: [was, now]}."""
    found = []
    for name, (was, now) in detail.items():
        if name in TITLES:
            title = TITLES[name][0]
            parts = [part for part in PARTS if was.get(part) != now.get(part)]
            found += [
                Changed(f"{title}, {PARTS[part].lower()}", str(was[part]), str(now[part]))
                for part in parts
            ]
        else:
            label = LABELS.get(name) or name.replace("_", " ").capitalize()
            found.append(Changed(label, said(name, was), said(name, now)))
    return found
