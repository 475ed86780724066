"""Security: who is asking. Sign-in, tokens, capabilities, and headers."""

import secrets
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar
from urllib.parse import urlsplit

from flask import Flask, Response, g, redirect, request, session, url_for
from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    bindparam,
    cast,
    func,
    insert,
    null,
    select,
    update,
)
from sqlalchemy.orm import joinedload

from app import clock
from app.database import db, transaction
from app.errors import Forbidden, Unauthorized
from app.models import ApiToken, Cover, Institution, Login, OrgUnit, Role, Staff, staff_role
from app.rules.access import Can, Viewer, capabilities_of
from app.rules.org_units import below
from app.vault import hash_of_nobody, hash_token, password_matches

P = ParamSpec("P")
T = TypeVar("T")
K = TypeVar("K")

IDLE = timedelta(days=7)  # a browser not used for so long is signed out
ABSOLUTE = timedelta(days=30)
_TOUCH = timedelta(minutes=5)  # how exact `last_used_at` is
_COOKIE_KEY = "login"

CSP = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


# Who is asking


def _viewer(
    staff: Staff, institution: Institution, covered: str | None, scopes: list[str] | None = None
) -> Viewer:
    of_role = capabilities_of((role.kind, role.capabilities) for role in staff.roles)
    granted = _granted(of_role, scopes)
    return Viewer(
        staff.id,
        staff.institution_id,
        staff.name,
        staff.email,
        staff.timezone or institution.timezone,
        institution.region,
        granted,
        withheld=of_role - granted,
        covers=frozenset(int(holder) for holder in (covered or "").split()),
        unit=staff.org_unit_id,
        units=_overseen({staff.id: (staff.org_unit_id, granted)}).get(staff.id, frozenset()),
    )


def _overseen(
    asked: Mapping[K, tuple[int | None, frozenset[Can]]],
) -> dict[K, frozenset[int]]:
    """The org units whose conversations they see, of each who has such a right and needs it.
    `asked`: key → (the unit they are in, what they may do). Asks nothing for anybody else."""
    of = {
        key: unit
        for key, (unit, can) in asked.items()
        if unit is not None and Can.INBOX_UNIT in can and Can.INBOX_ALL not in can
    }
    if not of:
        return {}
    inside = select(OrgUnit.institution_id).where(OrgUnit.id.in_(sorted({*of.values()})))
    rows = db.session.execute(
        select(OrgUnit.id, OrgUnit.parent_id).where(OrgUnit.institution_id.in_(inside))
    )
    parents = {row.id: row.parent_id for row in rows}
    return {key: below(parents, unit) for key, unit in of.items()}


def _granted(of_role: frozenset[Can], scopes: list[str] | None) -> frozenset[Can]:
    """What a token's scopes leave of it; None = all."""
    return of_role if scopes is None else frozenset(c for c in of_role if c in scopes)


@cache  # every request asks this, and writing it down takes longer than the answer
def _with_owner(credential: Any) -> Select[Any]:
    """Of the sign-in or token with the hash `asked`, at the time `now`: itself, whose it is, their
    institution, and whom they cover."""
    return (
        select(credential, Staff, Institution, _covered(bindparam("now")))
        .join(Staff, Staff.id == credential.staff_id)
        .join(Institution, Institution.id == Staff.institution_id)
        .where(Staff.active, credential.token_hash == bindparam("asked"))
        .options(joinedload(Staff.roles))
    )


def _owner(credential: Any, token: str, *good: ColumnElement[bool]) -> Any:
    """The row of it; None where no good one has this token."""
    asked = {"asked": hash_token(token), "now": clock.now()}
    found = db.session.execute(_with_owner(credential).where(*good), asked)
    return found.unique().first()


def _covered(now: Any) -> Any:
    """The ids of the staff whom this one covers, as one text, so that it is one query."""
    return (
        select(func.aggregate_strings(cast(Cover.staff_id, String), " "))
        .where(Cover.by_staff_id == Staff.id, *cover_is_on(now))
        .scalar_subquery()
    )


def cover_is_on(now: Any) -> list[ColumnElement[bool]]:
    """Of the row of a cover: it has begun and not ended."""
    return [Cover.from_at <= now, Cover.until_at > now]


@dataclass(frozen=True, slots=True)
class Credential:
    """What a request was admitted with. `kind`: login | token."""

    kind: str
    id: int


def credential() -> Credential:
    """Of this request, whose viewer is known."""
    found: Credential = g.credential
    return found


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do now, the staff whom they cover, and the org units that they see."""

    capabilities: frozenset[Can] = frozenset()
    covers: frozenset[int] = frozenset()
    units: frozenset[int] = frozenset()


def still_valid(asked: Iterable[Credential]) -> dict[Credential, Rights]:
    """Which of these are still good, and for what: asked again and again for every open socket
    (I23), so without an object per row."""
    asked, owners = set(asked), {}
    for kind, table, scopes, good in (
        ("login", Login, null(), login_is_good()),
        ("token", ApiToken, ApiToken.scopes, [ApiToken.revoked_at.is_(None)]),
    ):
        ids = [c.id for c in asked if c.kind == kind]
        owner = (table.staff_id, scopes, Staff.org_unit_id)
        rows = select(table.id, *owner).join(Staff, Staff.id == table.staff_id)
        for id_, *its in db.session.execute(rows.where(table.id.in_(ids), Staff.active, *good)):
            owners[Credential(kind, id_)] = its
    roles = defaultdict(list)
    for staff_id, kind, capabilities in db.session.execute(
        select(staff_role.c.staff_id, Role.kind, Role.capabilities)
        .join(Role, Role.id == staff_role.c.role_id)
        .where(staff_role.c.staff_id.in_({staff_id for staff_id, *_ in owners.values()}))
    ):
        roles[staff_id].append((kind, capabilities))
    covers, on = defaultdict(set), cover_is_on(clock.now())
    for staff_id, holder in db.session.execute(
        select(Cover.by_staff_id, Cover.staff_id).where(
            Cover.by_staff_id.in_({staff_id for staff_id, *_ in owners.values()}), *on
        )
    ):
        covers[staff_id].add(holder)
    may = {
        found: (unit, _granted(capabilities_of(roles[staff_id]), scopes))
        for found, (staff_id, scopes, unit) in owners.items()
    }
    units = _overseen(may)
    db.session.rollback()
    return {
        found: Rights(can, frozenset(covers[owners[found][0]]), units.get(found, frozenset()))
        for found, (_, can) in may.items()
    }


def login_is_good() -> list[ColumnElement[bool]]:
    """Of the row of a sign-in: neither ended nor too old."""
    now = clock.now()
    return [
        Login.ended_at.is_(None),
        Login.last_used_at > now - IDLE,
        Login.created_at > now - ABSOLUTE,
    ]


def viewer_of_cookie() -> Viewer | None:
    """The signed-in member of staff of this request; None without a live sign-in."""
    if (token := session.get(_COOKIE_KEY)) is None:
        return None
    now = clock.now()
    if (row := _owner(Login, token, *login_is_good())) is None:
        return None
    login, staff, institution, covered = row
    g.credential, g.institution = Credential("login", login.id), institution  # kept for the page
    viewer = _viewer(staff, institution, covered)
    _touch(Login, login.id, login.last_used_at, now)
    return viewer


def viewer_of_token() -> Viewer | None:
    """The staff member whose API token the request bears; None without a valid one."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token:
        return None
    if (row := _owner(ApiToken, token.strip(), ApiToken.revoked_at.is_(None))) is None:
        return None
    found, staff, institution, covered = row
    g.credential, g.institution = Credential("token", found.id), institution
    viewer = _viewer(staff, institution, covered, found.scopes)
    _touch(ApiToken, found.id, found.last_used_at, clock.now())
    return viewer


def viewer_of_staff(staff_id: int) -> Viewer | None:
    """A member of staff for whom something is done while they are not there; None where they have
    left."""
    row = (
        db.session.execute(
            select(Staff, Institution, _covered(clock.now()))
            .join(Institution, Institution.id == Staff.institution_id)
            .where(Staff.id == staff_id, Staff.active)
            .options(joinedload(Staff.roles))
        )
        .unique()
        .first()
    )
    return _viewer(*row) if row else None


def _touch(table: Any, row_id: int, last: datetime | None, now: datetime) -> None:
    if last is None or now - last > _TOUCH:
        with transaction():
            db.session.execute(update(table).where(table.id == row_id).values(last_used_at=now))


def viewer() -> Viewer:
    """Who asks; Unauthorized where nobody is signed in."""
    found: Viewer | None = g.get("viewer")
    if found is None:
        raise Unauthorized("Sign in first.")
    return found


def sign_in(email: str, password: str) -> None:
    """Start a session in this browser; Unauthorized, the same for every cause, when it cannot
    be."""
    staff = db.session.execute(
        select(Staff).where(Staff.email == email.strip().lower(), Staff.active)
    ).scalar_one_or_none()
    can = staff is not None and staff.password_hash != ""  # who is invited has none yet
    known = staff.password_hash if staff and can else hash_of_nobody()
    who = (staff.institution_id, staff.id) if staff and can else None
    db.session.rollback()  # nothing is held while we hash
    if not password_matches(known, password) or who is None:
        raise Unauthorized(
            "That email and password do not match. "
            "Check both, or ask your administrator for a reset."
        )
    token, now = secrets.token_urlsafe(32), clock.now()
    row = {"institution_id": who[0], "staff_id": who[1], "created_at": now}
    with transaction():
        db.session.execute(
            insert(Login).values(**row, token_hash=hash_token(token), last_used_at=now)
        )
    session.clear()
    session[_COOKIE_KEY] = token
    session.permanent = True


def sign_out() -> None:
    """End this browser's session for good: its cookie is dead even if somebody kept it."""
    if token := session.pop(_COOKIE_KEY, None):
        ended = update(Login).where(Login.token_hash == hash_token(token))
        with transaction():
            db.session.execute(ended.values(ended_at=clock.now()))
    session.clear()


def allowed(*needs: Can) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Only for who is signed in and has each of these capabilities."""

    def decorate(view: Callable[P, T]) -> Callable[P, T]:
        @wraps(view)
        def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
            require(*needs)
            return view(*args, **kwargs)

        wrapper.needs = needs  # type: ignore[attr-defined]
        return wrapper

    return decorate


def require(*needs: Can) -> Viewer:
    asking = viewer()
    for need in needs:
        if not asking.can(need):
            raise Forbidden(f"Your role does not allow this ({need}).")
    return asking


def require_one(*needs: Can) -> Viewer:
    """Who asks, having at least one of these capabilities; none named = whoever it is."""
    asking = viewer()
    if needs and not asking.capabilities & {*needs}:
        names = " or ".join(needs)
        if asking.withheld & {*needs}:
            raise Forbidden(f"The scopes of this token do not allow this ({names}).")
        raise Forbidden(f"Your role does not allow this ({names}).")
    return asking


def safe_next(target: str | None) -> str:
    """Where to go after signing in: a path of ours, else the inbox (X29)."""
    path = target or ""
    parts = urlsplit(path)
    ours = path.startswith("/") and not path.startswith("//") and "\\" not in path
    return path if ours and not parts.scheme and not parts.netloc else url_for("inbox.index")


def to_sign_in() -> Any:
    """Send a browser to the sign-in page and back afterwards; htmx by its own header."""
    back = request.full_path.rstrip("?") if request.method == "GET" else None
    login = url_for("session.login", next=back)
    if request.headers.get("HX-Request"):
        return Response(status=204, headers={"HX-Redirect": url_for("session.login")})
    return redirect(login)


def add_headers(app: Flask) -> None:
    """The same strict headers on every answer, errors too (X18, X19)."""

    @app.after_request
    def headers(response: Response) -> Response:
        response.headers.setdefault("Content-Security-Policy", CSP)
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        response.headers.setdefault("Referrer-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        if request.endpoint != "static":
            response.headers.setdefault("Cache-Control", "no-store")
        if app.config["SESSION_COOKIE_SECURE"]:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return response
