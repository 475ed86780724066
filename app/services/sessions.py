"""Sessions: the browsers in which somebody is signed in, and the keys of their programs; ending
them."""

from collections.abc import Collection

from sqlalchemy import or_, select, update

from app import clock
from app.database import db, transaction
from app.models import ApiToken, Cover, Login
from app.rules.access import Viewer
from app.security import login_is_good
from app.services.audit import audit

MOST_SHOWN = 50


def listed(viewer: Viewer) -> list[Login]:
    """The browsers in which the viewer is signed in, the latest used first."""
    return list(
        db.session.execute(
            select(Login)
            .where(Login.staff_id == viewer.staff_id, *login_is_good())
            .order_by(Login.last_used_at.desc(), Login.id.desc())
            .limit(MOST_SHOWN)
        ).scalars()
    )


def end_others(viewer: Viewer, login_id: int) -> None:
    """Sign the viewer out everywhere but in this browser."""
    with transaction():
        end_logins(viewer.staff_id, but=(login_id,))
        audit(viewer.institution_id, "sessions.ended", f"staff:{viewer.staff_id}", viewer.staff_id)


def end_logins(staff_id: int, but: Collection[int] = ()) -> None:
    """Sign somebody out of their browsers, in the open transaction."""
    db.session.execute(
        update(Login)
        .where(Login.staff_id == staff_id, Login.ended_at.is_(None), Login.id.not_in(but))
        .values(ended_at=clock.now())
    )


def end_all(staff_id: int) -> None:
    """Of their browsers and of their programs, and every cover, in the open transaction (I23)."""
    end_logins(staff_id)
    db.session.execute(
        update(Cover)
        .where(or_(Cover.staff_id == staff_id, Cover.by_staff_id == staff_id))
        .where(Cover.until_at > clock.now())
        .values(until_at=clock.now())
    )
    db.session.execute(
        update(ApiToken)
        .where(ApiToken.staff_id == staff_id, ApiToken.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
