"""Auto-answers: the one automatic answer to a text that nobody holds (D7), sent for its org unit by
whoever stands for it (S4-21)."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import or_, select

from app import jobs
from app.database import after_commit, db
from app.models import (
    Conversation,
    Direction,
    Institution,
    Kind,
    Message,
    OrgUnit,
    PairBlock,
    SenderNumber,
)
from app.rules.consent import SmsStatus
from app.rules.dispatch import Channel
from app.rules.lifecycle import NEVER_LEFT, Status
from app.rules.limits import month_of
from app.rules.phones import is_e164
from app.rules.reasons import Reason
from app.rules.texts import with_first_contact
from app.rules.unclaimed import Text, gets_answer
from app.services import automatic, org_units, representatives, threads
from app.services.representatives import Standing
from app.services.usage import take_places

if TYPE_CHECKING:
    from app.services.receiving import Arrival

NOT_AGAIN = timedelta(days=1)  # to one number, in however many conversations
_UNREAD = NEVER_LEFT | {Status.FAILED}  # so the next text may get one


def answer(arrivals: Sequence["Arrival"], now: datetime) -> None:
    """Queue the answers to those of these texts that get one, in the open transaction: after all of
    them are stored, because the places of a month are locked last."""
    arrivals = [a for a in arrivals if _is_on(a) and not a.later.about_it]
    if not arrivals:
        return
    earlier, blocked = _Earlier(arrivals, now), _blocked(arrivals)
    machines = _numbers_of_ours(arrivals)
    found = {
        _thread(a).id: a
        for a in reversed(arrivals)
        if gets_answer(
            Text(
                a.keyword,
                now - a.said_at(now),
                _may_be_texted(a) and (a.pair.number_id, a.contact.id) not in blocked,
                automatic=a.contact.e164 in machines,
                answered=earlier.answered(a),
            )
        )
    }
    due = [found[thread] for thread in sorted(found)]
    chairs = _chairs(due)
    texted = _texted_before(due)
    for arrival in due:
        message = _message(arrival, now, first=_whom(arrival) not in texted)
        _decide(message, arrival, chairs.get(_thread(arrival).org_unit_id or 0))
        if message.status is Status.NOT_SENT and earlier.noted(arrival):
            continue  # one row says it
        db.session.add(message)
        db.session.flush()
        threads.announce_new(_thread(arrival), message)
    if due:
        after_commit(lambda: jobs.ring(jobs.Job.DELIVER))


def _thread(arrival: "Arrival") -> Conversation:
    assert arrival.thread is not None
    return arrival.thread


def _is_on(arrival: "Arrival") -> bool:
    if _thread(arrival).staff_id is not None:
        return False
    institution = _institution(arrival)
    return bool(institution.unclaimed_answer) and institution.sms_enabled


def _institution(arrival: "Arrival") -> Institution:
    return db.session.get_one(Institution, arrival.institution_id)


def _may_be_texted(arrival: "Arrival") -> bool:
    """An answer goes to whoever wrote, DEFAULT or not (D12), but for those who want none (D20)."""
    number, contact = arrival.number, arrival.contact
    ours = number is not None and number.retired_at is None
    wanted = contact.status is not SmsStatus.DISABLED and contact.bulk_paused_at is None
    return ours and wanted and is_e164(contact.e164) and not arrival.account.stopped_reason


class _Earlier:
    """The automatic answers that these conversations and numbers got before."""

    def __init__(self, arrivals: Sequence["Arrival"], now: datetime) -> None:
        rows = db.session.execute(
            select(Message.conversation_id, Message.contact_number_id, Message.status).where(
                Message.kind == Kind.AUTO_ANSWER,
                Message.status.not_in(_UNREAD),
                or_(
                    Message.conversation_id.in_([_thread(a).id for a in arrivals]),
                    (Message.contact_number_id.in_([a.contact.id for a in arrivals]))
                    & (Message.created_at > now - NOT_AGAIN),
                ),
            )
        )
        self._found = [(*row[:2], row.status is Status.NOT_SENT) for row in rows]

    def answered(self, arrival: "Arrival") -> bool:
        here = _thread(arrival).id, arrival.contact.id
        return any(here[0] == c or here[1] == n for c, n, unsent in self._found if not unsent)

    def noted(self, arrival: "Arrival") -> bool:
        """That it could not be sent."""
        thread = _thread(arrival).id
        return any(thread == conversation for conversation, _, unsent in self._found if unsent)


def _blocked(arrivals: Sequence["Arrival"]) -> set[tuple[int, int]]:
    rows = db.session.execute(
        select(PairBlock.sender_number_id, PairBlock.contact_number_id).where(
            PairBlock.sender_number_id.in_([a.number.id for a in arrivals if a.number]),
            PairBlock.contact_number_id.in_([a.contact.id for a in arrivals]),
        )
    )
    return {(number, contact) for number, contact in rows}


def _numbers_of_ours(arrivals: Sequence["Arrival"]) -> set[str]:
    """Those that are a number of this deployment: what writes from there may be an answer as
    automatic as this one."""
    theirs = [a.contact.e164 for a in arrivals]
    ours = select(SenderNumber.e164).where(SenderNumber.e164.in_(theirs))
    return set(db.session.execute(ours).scalars())


def _chairs(arrivals: Iterable["Arrival"]) -> dict[int, tuple[str, Standing]]:
    """The units of these, each with its name and who stands for it."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for arrival in arrivals:
        if unit_id := _thread(arrival).org_unit_id:
            wanted[arrival.institution_id].add(unit_id)
    found: dict[int, tuple[str, Standing]] = {}
    for institution_id, ids in wanted.items():
        units = org_units.every(institution_id)
        asked: list[OrgUnit] = [unit for unit in units if unit.id in ids]
        parents = org_units.parents_of(units)
        for unit_id, standing in representatives.standing(parents, asked, ids).items():
            name = next(unit.name for unit in asked if unit.id == unit_id)
            found[unit_id] = name, standing
    return found


def _whom(arrival: "Arrival") -> tuple[str, int]:
    person = _thread(arrival).person_id
    return ("person", person) if person else ("number", arrival.contact.id)


def _texted_before(arrivals: Sequence["Arrival"]) -> set[tuple[str, int]]:
    """To whom a text ever went, so that the others get the first-contact line (D43)."""
    asked = [a for a in arrivals if _institution(a).first_contact]
    if not asked:
        return set()
    people = [number for kind, number in map(_whom, asked) if kind == "person"]
    numbers = [number for kind, number in map(_whom, asked) if kind == "number"]
    rows = db.session.execute(
        select(Message.person_id, Message.contact_number_id)
        .where(
            or_(Message.person_id.in_(people), Message.contact_number_id.in_(numbers)),
            Message.direction == Direction.OUTBOUND,
            Message.channel == Channel.SMS,
            Message.status.not_in(NEVER_LEFT),
        )
        .distinct()
    ).all()
    return {("person", p) for p, _ in rows if p} | {("number", n) for _, n in rows if n}


def _message(arrival: "Arrival", now: datetime, *, first: bool) -> Message:
    """As it is before anything is taken for it."""
    institution = _institution(arrival)
    assert institution.unclaimed_answer
    line = institution.first_contact if first else None
    body = with_first_contact(institution.unclaimed_answer, line)
    return automatic.reply(arrival, Kind.AUTO_ANSWER, body, now)


def _decide(message: Message, arrival: "Arrival", chair: tuple[str, Standing] | None) -> None:
    """Take its places under the limit, or say why it is not sent. `chair`: the name of its unit and
    who stands for that; None where it is in none."""
    message.decision = [["automatic", "unclaimed", ""]]
    if chair is not None:
        unit, standing = chair
        if standing.wrong or standing.staff is None:
            _not_sent(message, "representative", Reason.INVALID_REPRESENTATIVE, unit)
            return
        message.decision.append(["representative", "stands", standing.staff.name])
    institution = _institution(arrival)
    month = month_of(message.created_at, institution.timezone)
    places = take_places(institution, month, message.segments or 1)
    if places is None:
        limit = f"{institution.message_limit:,}"
        _not_sent(message, "limit", Reason.MESSAGE_LIMIT_REACHED, f"{limit} of {limit}")
        return
    message.places, message.month = places, month


def _not_sent(message: Message, rule: str, reason: Reason, detail: str) -> None:
    message.channel, message.status, message.reason = Channel.NONE, Status.NOT_SENT, reason
    message.decision.append([rule, reason.value, detail])
    message.due_at = message.expires_at = message.provider_account_id = None
