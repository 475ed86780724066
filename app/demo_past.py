"""The demo's past: some weeks of Kim's texts, so that there is something to look at and to find.

Kim writes to each student in truth; what was said before is put below it, as it would have been.
"""

import random
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update

from app import clock
from app.database import db, transaction
from app.models import Direction, Institution, Kind, Message, Usage
from app.rules.access import Viewer
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.services import sending
from app.services.dispatching import Draft

WEEKS = 9

# given name, family name, student id, phones as (number, type)
STUDENTS: list[tuple[str, str, str, list[tuple[str, str]]]] = [
    (given, family, f"N00431{n:02}", [(f"+151255502{n:02}", "mobile")])
    for n, (given, family) in enumerate(
        [
            ("Aiyana", "Begay"), ("Liam", "O’Connor"), ("Noor", "Haddad"), ("Priya", "Raman"),
            ("Marcus", "Lee"), ("Sofía", "Delgado"), ("Hana", "Sato"), ("Caleb", "Wright"),
            ("Amara", "Okoye"), ("Elena", "Petrova"), ("Diego", "Fuentes"), ("Ruth", "Abrams"),
        ]
    )
]  # fmt: skip

OUT = [
    "Registration for spring opens Monday at 8. Do you know your classes?",
    "Your degree audit is ready. Can we look at it together this week?",
    "You missed our meeting today. Is everything all right?",
    "The drop deadline is Friday at 5. Tell me if you are unsure about a class.",
    "The scholarship office needs one more form from you.",
    "Tutoring for calculus is in Hale 204, Tuesdays from 4.",
]
IN = [
    "Thanks, I will do it tonight",
    "Can we meet on Thursday instead?",
    "I am not sure which section to take",
    "ok!",
    "Sorry, I was sick. Could I come tomorrow at 10?",
    "Where do I find the form?",
]
ANSWERS = [
    "Yes, come by at 10.",
    "Section 3 fits your week best.",
    "It is on the portal, under Aid.",
]


def make(kim: Viewer, students: list[int]) -> None:
    """`students`: ids of people that Kim may write to."""
    sent = [sending.to_person(kim, id_, Draft(OUT[n % len(OUT)])) for n, id_ in enumerate(students)]
    now, zone = clock.now(), ZoneInfo(kim.timezone)
    rows = [row for begun in sent for row in _talk(begun, now, zone)]
    month = f"{now.astimezone(zone):%Y-%m}"
    of_month = sum(row["month"] == month for row in rows)
    with transaction():
        db.session.execute(insert(Message), sorted(rows, key=lambda row: row["created_at"]))
        college = Institution.id == kim.institution_id
        began = now - timedelta(weeks=WEEKS)
        db.session.execute(update(Institution).where(college).values(created_at=began))
        used = Usage.institution_id == kim.institution_id, Usage.month == month
        db.session.execute(update(Usage).where(*used).values(used=Usage.used + of_month))


def _talk(begun: Message, now: datetime, zone: ZoneInfo) -> Iterator[dict[str, Any]]:
    """One student's weeks: texts on working days, most of them answered."""
    dice = random.Random(begun.person_id)  # noqa: S311 (the same past in each demo)
    for days in range(7 * WEEKS, 0, -1):
        day = now.astimezone(zone).date() - timedelta(days=days)
        if day.weekday() > 4 or dice.random() > 0.55:
            continue
        at = datetime.combine(day, time(dice.randint(9, 15), dice.randint(0, 59)), zone)
        arrived = dice.random() > 0.06
        yield _out(begun, at, dice.choice(OUT), arrived=arrived)
        if not arrived or dice.random() > 0.6:
            continue
        at += timedelta(minutes=dice.randint(2, 90))
        yield _in(begun, at, dice.choice(IN))
        if dice.random() < 0.8:
            at += timedelta(minutes=dice.randint(1, 45))
            yield _out(begun, at, dice.choice(ANSWERS), arrived=True)


def _out(begun: Message, at: datetime, body: str, *, arrived: bool) -> dict[str, Any]:
    return {
        **_row(begun, at, body),
        "staff_id": begun.staff_id,
        "holder_id": None,
        "direction": Direction.OUTBOUND,
        "status": Status.DELIVERED if arrived else Status.UNDELIVERED,
        "from_address": begun.from_address,
        "to_address": begun.to_address,
        "decision": begun.decision,
        "error_code": None if arrived else "30003",
        "keyword": None,
        "month": f"{at:%Y-%m}",
        "places": 1,
        "sent_at": at + timedelta(seconds=1),
        "delivered_at": at + timedelta(seconds=4) if arrived else None,
    }


def _in(begun: Message, at: datetime, body: str) -> dict[str, Any]:
    return {
        **_row(begun, at, body),
        "staff_id": None,
        "holder_id": begun.staff_id,
        "direction": Direction.INBOUND,
        "status": Status.RECEIVED,
        "from_address": begun.to_address,
        "to_address": begun.from_address,
        "decision": [],
        "error_code": None,
        "month": None,
        "places": 0,
        "sent_at": None,
        "delivered_at": None,
        "keyword": Keyword.NONE,
    }


def _row(begun: Message, at: datetime, body: str) -> dict[str, Any]:
    same = (
        "institution_id", "conversation_id", "person_id", "channel", "encoding", "segments",
        "sender_number_id", "contact_number_id", "provider_account_id",
    )  # fmt: skip
    kept = {name: getattr(begun, name) for name in same}
    return {**kept, "kind": Kind.CONVERSATION, "body": body, "created_at": at}
