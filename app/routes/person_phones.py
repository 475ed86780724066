"""Person phones: every number ever saved for people, ours with them, as a page and as a file
(S3-35..S3-39)."""

from typing import Any

from flask import Blueprint, render_template, request

from app.routes import cursor, exports
from app.routes.cursor import Reader
from app.routes.filters import bookmark, iso, row_id
from app.rules.access import Can
from app.rules.phones import PhoneType
from app.security import allowed, viewer
from app.services import person_phones
from app.services.person_phones import PAGE, Part, Place, Row, Wanted

bp = Blueprint("person_phones", __name__, url_prefix="/people/phones")

_PLACE: tuple[Reader, ...] = (Part, row_id)
_DELETED = {"active": False, "deleted": True, "all": None}  # what the list shows; active at first
_HEAD: tuple[str, ...] = (
    "src_system_id",
    "phone_type_src_system_id",
    "person_id",
    "person_source_id",
    "person",
)
_HEAD += ("number", "type", "sms_status", "text_msg_only", "verified_at", "verified_by")
_HEAD += ("deleted", "deleted_at")


@bp.get("")
@allowed(Can.PEOPLE_READ)
def index() -> Any:
    asking = viewer()
    bookmark(asking)
    show, wanted = _wanted()
    after = cursor.read(request.args.get("after", ""), _PLACE)
    place = Place(*after) if after else None
    rows = person_phones.page(asking, wanted, limit=PAGE + 1, after=place)
    last = rows[PAGE - 1].place if len(rows) > PAGE else None
    return render_template(
        "person_phones/index.html",
        rows=rows[:PAGE],
        show=show,
        wanted=wanted,
        keep=_keep(show, wanted),
        types=[("", "All"), *((kind.value, kind.value.capitalize()) for kind in PhoneType)],
        after=after,
        next=cursor.written((last.part.value, last.id)) if last else None,
        may_export=asking.can(Can.REPORTS_EXPORT),
    )


@bp.get("/export")
@allowed(Can.PEOPLE_READ, Can.REPORTS_EXPORT)
def export() -> Any:
    """What is filtered, as CSV; times in UTC."""
    _, wanted = _wanted()
    rows = person_phones.export(viewer(), wanted)
    return exports.sent("person-phones", _HEAD, (_cells(row) for row in rows))


def _wanted() -> tuple[str, Wanted]:
    """What the address asks for; what it cannot mean is as if it were not there."""
    args = request.args
    show = args.get("show", "active")
    show = show if show in _DELETED else "active"
    kind = args.get("type", "")
    q = args.get("q", "").replace("\x00", "").strip()[:100]
    chosen = PhoneType(kind) if kind in set(PhoneType) else None
    return show, Wanted(q, chosen, _DELETED[show])


def _keep(show: str, wanted: Wanted) -> dict[str, Any]:
    """The filter, as an address has it."""
    return {
        "q": wanted.q or None,
        "type": wanted.type.value if wanted.type else None,
        "show": show if show != "active" else None,
    }


def _cells(row: Row) -> tuple[exports.Cell, ...]:
    return (
        row.src_system_id,
        row.phone_type_src_system_id,
        row.person_id,
        row.person_source_id,
        row.person,
        row.number,
        row.type.value,
        row.sms_status.value,
        str(row.text_msg_only),
        iso(row.verified_at) if row.verified_at else "",
        row.verified_by,
        str(row.deleted),
        iso(row.deleted_at) if row.deleted_at else "",
    )
