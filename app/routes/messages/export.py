"""Export: what the overview lists, as a file, however much it is."""

from typing import Any

from app.routes import exports
from app.routes.filters import iso
from app.routes.messages.frame import asked, bp, units
from app.routes.messages.shown import row_view
from app.rules.access import Can, Viewer
from app.security import allowed, viewer
from app.services import overview
from app.services.overview import Row

_HEAD = (
    "ID", "Sent on (UTC)", "Type", "SMS status", "Reason", "Error code", "Error",
    "Name", "Source ID", "Phone", "From", "From address", "To address", "Provider", "Texts",
    "Resent", "Text",
)  # fmt: skip
_UNIT = "Org. unit"  # last, where the institution has units


@bp.get("/export")
@allowed(Can.REPORTS_EXPORT)
def export() -> Any:
    """As CSV; times in UTC, numbers as E.164."""
    asking = viewer()
    rows, head = overview.export(asking, asked()), _HEAD
    if not units().choices:
        return exports.sent("messages", head, (_cells(row, asking) for row in rows))
    with_unit = ((*_cells(row, asking), row.unit or "") for row in rows)
    return exports.sent("messages", (*head, _UNIT), with_unit)


def _cells(row: Row, asking: Viewer) -> tuple[exports.Cell, ...]:
    shown, message, person = row_view(row, asking), row.message, row.person
    return (
        message.id,
        iso(message.created_at),
        shown.kind,
        shown.status.word,
        shown.because,
        message.error_code,
        message.error_message,
        person.name if person else "",
        person.source_id if person else "",
        message.from_address if shown.kind.endswith("in") else message.to_address,
        shown.sender.name,
        message.from_address,
        message.to_address,
        shown.provider,
        message.segments,
        "Yes" if shown.is_resend else "No",
        message.body,
    )
