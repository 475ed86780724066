"""Reminders: an email about texts that nobody has claimed, to those who may claim them (D7)."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import aliased

from app import clock
from app.config import Settings
from app.database import LOCK, db, retrying, transaction
from app.models import (
    CONVERSATION_UNCLAIMED,
    ContactNumber,
    Conversation,
    Direction,
    Institution,
    Kind,
    Message,
    OrgUnit,
    Person,
    Staff,
)
from app.rules import unclaimed as rules
from app.rules import words
from app.rules.keywords import Keyword
from app.rules.lifecycle import NOT_ARRIVED
from app.rules.phones import pretty
from app.rules.texts import fill, snippet
from app.services import emails, org_units, representatives

AT_ONCE = 500  # conversations; the next sweep tells of the others
LISTED = 20  # conversations in one email; of more it says how many
RECENT = timedelta(days=2)  # over the hours; of what waits for longer nobody is told any more


@dataclass(frozen=True, slots=True)
class Waiting:
    """A conversation with its oldest text that waits."""

    person: Person | None
    number: str
    text: Message


@retrying
def remind() -> int:
    """Tell of every text that has waited unclaimed for as many hours as its institution allows,
    once, in one email for each unit; how many conversations were told of."""
    due = _due(clock.now())
    if due is None or not db.session.execute(due.limit(1)).first():
        return 0
    with transaction():
        now = clock.now()
        locked = due.limit(AT_ONCE).with_for_update(**LOCK, skip_locked=True, of=Conversation)
        by_place: dict[int, dict[int | None, list[Waiting]]] = defaultdict(
            lambda: defaultdict(list)
        )
        told = []
        rows = db.session.execute(locked).all()
        texts = select(Message).where(Message.id.in_([row[-1] for row in rows]))
        found = {text.id: text for text in db.session.execute(texts).scalars()}
        for thread, person, e164, text_id in rows:
            waiting = Waiting(person, e164 or "", found[text_id])
            by_place[thread.institution_id][thread.org_unit_id].append(waiting)
            told.append(thread.id)
        for institution_id, by_unit in sorted(by_place.items()):
            _Letters(institution_id, now).write(by_unit)
        db.session.execute(
            update(Conversation).where(Conversation.id.in_(told)).values(reminded_at=now)
        )
        return len(told)


def _due(now: datetime) -> Any:
    """Nobody's conversations with a text that waits for so long, that nobody has answered since,
    and that nobody was told of, the oldest first, each with the id of the oldest such text; None
    where no institution wants that."""
    hours = select(Institution.unclaimed_hours).where(Institution.unclaimed_hours.is_not(None))
    spans = [span for span in db.session.execute(hours.distinct()).scalars() if span is not None]
    if not spans:
        return None
    theirs, ours = aliased(Message), aliased(Message)
    answered = select(ours.id).where(
        ours.conversation_id == theirs.conversation_id,
        ours.created_at > theirs.created_at,
        ours.direction == Direction.OUTBOUND,
        ours.kind == Kind.CONVERSATION,
        ours.status.not_in(NOT_ARRIVED),
    )
    waits = select(theirs.id).where(
        theirs.conversation_id == Conversation.id,
        theirs.direction == Direction.INBOUND,
        or_(theirs.keyword.is_(None), theirs.keyword.not_in((Keyword.STOP, Keyword.START))),
        or_(Conversation.reminded_at.is_(None), theirs.created_at > Conversation.reminded_at),
        or_(
            *(
                and_(
                    Institution.unclaimed_hours == span,
                    theirs.created_at <= now - timedelta(hours=span),
                    theirs.created_at > now - timedelta(hours=span) - RECENT,
                )
                for span in spans
            )
        ),
        ~answered.exists(),
    )
    oldest = waits.order_by(theirs.created_at, theirs.id).limit(1)
    return (
        select(
            Conversation,
            Person,
            ContactNumber.e164,
            oldest.correlate(Conversation, Institution).scalar_subquery(),
        )
        .join(Institution, Institution.id == Conversation.institution_id)
        .outerjoin(Person, Person.id == Conversation.person_id)
        .outerjoin(ContactNumber, ContactNumber.id == Conversation.contact_number_id)
        .where(
            CONVERSATION_UNCLAIMED,
            Conversation.archived_at.is_(None),
            Conversation.last_message_at > now - timedelta(hours=max(spans)) - RECENT,
            waits.exists(),
        )
        .order_by(Conversation.last_message_at, Conversation.id)
    )


class _Letters:
    """The emails of one institution: what all of them need is read once."""

    def __init__(self, institution_id: int, now: datetime) -> None:
        settings: Settings = current_app.config["SETTINGS"]
        self._public, self._now = settings.public, now
        self._institution = db.session.get_one(Institution, institution_id)
        self._units = org_units.every(institution_id)
        self._staff = {staff.id: staff for staff in representatives.everybody(institution_id)}

    def write(self, by_unit: dict[int | None, list[Waiting]]) -> None:
        named = {unit.id: unit for unit in self._units}
        there = [named[unit_id] for unit_id in by_unit if unit_id in named]
        needed = {unit.id for unit in there}
        parents = org_units.parents_of(self._units)
        standing = representatives.standing(parents, there, needed)
        colleagues = [representatives.colleague(staff) for staff in self._staff.values()]
        for unit_id, waiting in by_unit.items():
            unit = named.get(unit_id or 0)
            chosen = unit.representative_id if unit else None
            nobody = unit is not None and standing[unit.id].wrong is not None
            for who in rules.reminded(unit_id, parents, chosen, colleagues):
                staff = self._staff[who]
                can = representatives.colleague(staff)
                self._write_one(
                    staff,
                    unit,
                    waiting if rules.may_read(unit_id, parents, can) else [],
                    len(waiting),
                    invalid=nobody,
                    claims=rules.may_claim(unit_id, parents, can),
                )

    def _write_one(
        self,
        staff: Staff,
        unit: OrgUnit | None,
        listed: Sequence[Waiting],
        count: int,
        *,
        invalid: bool,
        claims: bool,
    ) -> None:
        """`listed`: as much as they may read of what waits, in `count` conversations."""
        institution = self._institution
        where = unit.name if unit else institution.name
        hours = institution.unclaimed_hours
        page = f"{self._public}/staff/units/{unit.id}" if unit else ""
        fields = {
            "where": where,
            "waits": "A text waits" if count == 1 else f"Texts of {count} people wait",
            "what": "this text" if count == 1 else "these texts",
            "hours": "an hour" if hours == 1 else f"{hours} hours",
            "list": self._listed(staff, listed) + "\n\n" if listed else "",
            "link": f"{self._public}/inbox?view=unclaimed",
            "staff": f"{self._public}/staff",
            "note": fill(words.UNCLAIMED_NOTE, {"where": where, "page": page}) if invalid else "",
        }
        told = words.UNCLAIMED_BODY if claims else words.UNCLAIMED_BY_NOBODY_BODY
        subject, body = fill(words.UNCLAIMED_SUBJECT, fields), fill(told, fields)
        emails.add(
            institution.id, "notice", staff.email, institution.name, subject, body, self._now
        )

    def _listed(self, staff: Staff, waiting: Sequence[Waiting]) -> str:
        zone = ZoneInfo(staff.timezone or self._institution.timezone)
        lines = []
        oldest_first = sorted(waiting, key=lambda each: each.text.created_at)
        for each in oldest_first[:LISTED]:
            at = each.text.created_at.astimezone(zone)
            name = (
                each.person.name if each.person else pretty(each.number, self._institution.region)
            )
            when = at.strftime("%-I:%M %p on %B %-d")
            lines.append(f"{name}, {when}: {snippet(each.text.body) or 'Picture'}")
        if len(waiting) > LISTED:
            lines.append(f"and {len(waiting) - LISTED} more")
        return "\n".join(lines)
