"""Demo: a college to try Replyline on, made once. Its carrier and its phones are practice ones."""

import secrets
from collections.abc import Iterator

from sqlalchemy import select

from app import create_app, demo_past, jobs, migrations
from app.carrier.registering import (
    BrandBody,
    CampaignBody,
    RegistrationsBody,
    ServiceBody,
    register,
)
from app.carrier.store import Store
from app.config import Settings
from app.database import db
from app.models import Institution
from app.rules.access import STANDARD_ROLES, Can, Viewer
from app.services import accounts, adding, people, sending, staff
from app.services.dispatching import Draft

PASSWORD = "northfield-demo"  # noqa: S105 (of accounts that exist on loopback only)
COLLEGE = "Northfield College"

STAFF: list[tuple[str, str, str]] = [
    ("dana@northfield.example", "Dana Whitfield", "Advisor"),
    ("kim@northfield.example", "Kim Alvarez", "Advisor"),
    ("priya@northfield.example", "Priya Shah", "Administrator"),
    ("sam@northfield.example", "Sam Okafor", "Responder"),
]

NUMBERS = [f"+1512555019{n}" for n in range(4)]

# given name, family name, student id, phones as (number, type)
STUDENTS: list[tuple[str, str, str, list[tuple[str, str]]]] = [
    ("Maya", "Torres", "N0041877", [("+15125550147", "mobile"), ("+15125550102", "home")]),
    ("Jaylen", "Brooks", "N0041902", [("+15125550109", "mobile")]),
    ("Tomás", "Herrera", "N0042015", [("+15125550171", "mobile"), ("+15125550172", "work")]),
    ("Priya", "Natarajan", "N0042240", [("+15125550126", "mobile")]),
    ("Thuy", "Nguyễn", "N0042311", [("+15125550133", "mobile")]),
    ("Grace", "Kim", "N0042388", [("+15125550158", "home")]),
    ("Devon", "Lee", "N0042466", []),
]

FIRST_TEXTS = [
    (
        "Maya",
        "Hi Maya, Dana Whitfield here, your new advisor at Northfield. How is the term going?",
    ),
    ("Jaylen", "Tutoring is open until 9 tonight in Hale 204."),
    ("Grace", "Your transcript hold is cleared."),
]


def logins() -> Iterator[str]:
    """What to print for somebody who wants to sign in."""
    for email, name, role in STAFF:
        yield f"{email:<26} {PASSWORD}   {name}, {role}"


def prepare(settings: Settings, *, demo: bool) -> None:
    """Migrate; for a demo, make the college once. A second start keeps what is there."""
    app = create_app(settings, web=False)
    jobs.without_bells(app)
    with app.app_context():
        migrations.upgrade()
        if demo and not db.session.execute(select(Institution.id).limit(1)).first():
            db.session.rollback()
            _make_college(settings)
        db.session.remove()
        db.engine.dispose()


def _make_college(settings: Settings) -> None:
    college = staff.create_institution(
        COLLEGE, "America/Chicago", "US", number_limit=10, message_limit=1000
    )
    ids = {
        name: staff.create(college, email, name, [role], PASSWORD) for email, name, role in STAFF
    }
    _connect(settings, college)
    dana = _viewer(ids["Dana Whitfield"], college, *STAFF[0])
    students = {student[0]: _student(dana, *student) for student in STUDENTS}
    for given, text in FIRST_TEXTS:
        sending.to_person(dana, students[given], Draft(text))
    kim = _viewer(ids["Kim Alvarez"], college, *STAFF[1])
    demo_past.make(kim, [_student(kim, *student) for student in demo_past.STUDENTS])


def _connect(settings: Settings, college: int) -> None:
    """An account at the practice carrier, with its numbers pointed at us and a phone for each
    student."""
    sid, token = "AC" + secrets.token_hex(16), secrets.token_hex(16)
    api = f"http://127.0.0.1:{settings.carrier_port}"
    accounts.add(college, sid, token, api_url=api, check=False)
    adding.add(college, NUMBERS, settings.public, check=False)
    carrier = Store(settings.var_dir / "carrier.sqlite3")
    carrier.save_account(sid, token, True, 0)
    hooks = adding.webhooks(settings.public)
    addresses = {"sms_url": hooks.inbound, "sms_fallback_url": hooks.fallback}
    addresses["voice_url"] = hooks.voice
    for e164 in NUMBERS:
        carrier.save_number(e164, sid)
        number = carrier.number(e164)
        assert number is not None
        carrier.set_number(number.sid, addresses)
    texts = ServiceBody(name=COLLEGE, numbers=NUMBERS, campaign=CampaignBody())
    register(carrier, sid, RegistrationsBody(brands=[BrandBody()], services=[texts]))
    for given, family, _, phones in [*STUDENTS, *demo_past.STUDENTS]:
        for e164, kind in phones:
            carrier.add_handset(e164)
            name = f"{given} {family}" + ("" if kind == "mobile" else f", {kind}")
            carrier.set_handset(e164, name=name)
    carrier.close()


def _viewer(staff_id: int, college: int, email: str, name: str, role: str) -> Viewer:
    granted = frozenset(Can(c) for c in STANDARD_ROLES[role][1])
    return Viewer(staff_id, college, name, email, "America/Chicago", "US", granted)


def _student(
    advisor: Viewer, given: str, family: str, source_id: str, phones: list[tuple[str, str]]
) -> int:
    plain = "".join(c for c in family.lower() if c.isascii()) or given.lower()
    fields = {
        "kind": "student",
        "given_name": given,
        "family_name": family,
        "source_id": source_id,
        "email": f"{given[0].lower()}.{plain}@northfield.example",
    }
    return people.create(advisor, fields, phones)
