"""Import plans: what is to be done for each row of an imported file, as a whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from app import clock
from app.database import db
from app.models import ImportRow, Outcome, PersonKind
from app.rules.importing import MOST_SHARED, PROSPECT, Entry, Refused
from app.rules.phones import PhoneType, pretty
from app.services.import_known import Job, Known, Wanted, known

_FIELDS = ("given_name", "family_name", "email", "timezone")
_WORDS = {
    "given_name": "first name",
    "family_name": "last name",
    "email": "email",
    "timezone": "time zone",
    "kind": "kind of person",
    "source_id": "ID",
}


@dataclass(frozen=True, slots=True)
class Row:
    """`unit`: the org unit that the file says they work in."""

    line: int
    entry: Entry | Refused
    unit: Wanted | None = None


@dataclass(slots=True)
class Plan:
    """What is to be done for one row. `person`: None = a new one. `unit`: where they are to work.
    `moves`: which member of staff goes there."""

    line: int
    entry: Entry | Refused
    unit: Wanted | None = None
    person: Any = None
    outcome: Outcome = Outcome.UNCHANGED
    reason: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    new_phones: list[tuple[str, PhoneType]] = field(default_factory=list)
    phones: list[dict[str, Any]] = field(default_factory=list)
    away: list[str] = field(default_factory=list)  # numbers that stay taken away
    links: list[int] = field(default_factory=list)
    guardians: set[str] | None = None  # None: as they are
    person_id: int | None = None
    moves: int | None = None

    def refuse(self, reason: str, outcome: Outcome = Outcome.REFUSED) -> None:
        self.outcome, self.reason = outcome, reason

    @property
    def writes(self) -> bool:
        return self.outcome in (Outcome.CREATED, Outcome.CHANGED)


def planned(job: Job, batch: Sequence[Row]) -> list[Plan]:
    """In the order of the rows: of several about the same person the first that is not wrong
    counts (C7)."""
    plans = [Plan(row.line, row.entry, row.unit) for row in batch]
    first, taken = _first_lines(job, plans), set[int]()
    entries = [plan.entry for plan in plans if isinstance(plan.entry, Entry)]
    found = known(job, entries)
    for plan in plans:
        entry = plan.entry
        if isinstance(entry, Refused):
            plan.refuse(entry.reason, Outcome.SKIPPED if entry.skipped else Outcome.REFUSED)
        elif line := first.get(entry.key):
            plan.refuse(f"Line {line:,} is about the same person. The first one counts.")
        elif entry.gone:
            _plan_leaving(plan, entry, found)
        else:
            _plan(job, plan, entry, found, taken)
        if plan.outcome is not Outcome.REFUSED and entry.key:
            first.setdefault(entry.key, plan.line)
    return plans


def _first_lines(job: Job, plans: Sequence[Plan]) -> dict[str, int]:
    """The lines that were taken for these people before this batch (C7)."""
    keys = {plan.entry.key for plan in plans if isinstance(plan.entry, Entry)}
    rows = db.session.execute(
        select(ImportRow.key, ImportRow.line).where(
            ImportRow.run_id == job.run_id,
            ImportRow.key.in_(keys),
            ImportRow.outcome != Outcome.REFUSED,
        )
    )
    return dict(rows.all())


def _plan_leaving(plan: Plan, entry: Entry, known: Known) -> None:
    found = known.people.get(entry.key, [])
    plan.person_id = found[0].id if found else None
    if not found or found[0].removed_at is not None:
        plan.refuse("To be deleted, and not here.", Outcome.SKIPPED)
    elif plan.person_id in known.accounts:
        why = "To be deleted, but can sign in here. Deactivate the account first."
        plan.refuse(why, Outcome.SKIPPED)
    else:
        plan.refuse("To be deleted in the school’s system.", Outcome.LEAVING)


def _plan(job: Job, plan: Plan, entry: Entry, known: Known, taken: set[int]) -> None:
    """`taken`: the people whom earlier rows of the batch are about."""
    found = known.people.get(entry.key, [])
    if len(found) > 1:
        plan.refuse("Several people have this name and address. Give an ID.")
        return
    person = plan.person = found[0] if found else None
    plan.person_id = person.id if person else None
    if ours := [e164 for e164, _ in entry.phones if e164 in known.ours]:
        plan.refuse(f"{pretty(ours[0], job.region)} is one of our own numbers.")
        return
    if entry.source_id and person and person.source_id not in (None, entry.source_id):
        plan.refuse(f"The account with this email has the ID {person.source_id} already.")
        return
    if person and person.id in taken:
        plan.refuse("A line above is about the same person.")
        return
    if job.links and not _linked(job, plan, entry, known):
        return
    said = _differences(plan, entry, person, known)
    _plan_phones(plan, entry, known)
    if plan.new_phones or plan.phones:
        said.append("phones")
    if plan.links:
        said.append("advisor")
    _plan_guardians(plan, entry, known)
    if plan.guardians is not None:
        said.append("guardians")
    _plan_unit(plan, entry, known)
    if plan.moves:
        said.append("org. unit")
    if person is None:
        plan.outcome = Outcome.CREATED
    elif said:
        plan.outcome = Outcome.CHANGED
        plan.reason = f"{said[0][0].upper()}{', '.join(said)[1:]}."
    _warn(job, plan, known)
    if person:
        taken.add(person.id)


def _linked(job: Job, plan: Plan, entry: Entry, known: Known) -> bool:
    """Whose student it becomes. An advisor whom nobody knows is wrong where a column names them;
    of the agents of OneRoster only those with an account are advisors."""
    for name in entry.advisors:
        staff_id = known.advisors.get(name)
        if staff_id is None and job.by_email:
            plan.refuse(f"There is no member of staff with the email {name}.")
            return False
        if staff_id and (staff_id, plan.person_id) not in known.linked:
            plan.links.append(staff_id)
    return True


def _plan_guardians(plan: Plan, entry: Entry, known: Known) -> None:
    """An agent with an account here is an advisor; whoever is no agent any more is no guardian."""
    if entry.guardians is not None:
        wanted = {each for each in entry.guardians if each not in known.advisors}
        if wanted != known.guardians.get(plan.person_id or 0, set()):
            plan.guardians = wanted


def _plan_unit(plan: Plan, entry: Entry, known: Known) -> None:
    """Staff who sign in here, and are in no unit or in one that an import gave them."""
    place = known.places.get(plan.person_id or 0)
    if place is None or plan.unit is None or entry.kind != "staff":
        return
    if not place.by_hand and (place.unit is None or place.unit != plan.unit.unit):
        plan.moves = place.staff_id


def _differences(plan: Plan, entry: Entry, person: Any, known: Known) -> list[str]:
    """What changes about the person, in words. An empty cell changes nothing."""
    fields = {name: value for name in _FIELDS if (value := getattr(entry, name)) is not None}
    fields |= {"source_id": entry.source_id} if entry.source_id else {}
    if person is None:
        plan.fields = {"family_name": "", **fields, "kind": PersonKind(entry.kind)}
        return []
    demoted = entry.kind == PROSPECT and person.kind is not PersonKind.UNKNOWN
    told = entry.says_kind or person.kind is PersonKind.UNKNOWN
    if told and person.id not in known.accounts and not demoted:
        fields["kind"] = PersonKind(entry.kind)
    plan.fields = {n: value for n, value in fields.items() if getattr(person, n) != value}
    said = [_WORDS[name] for name in plan.fields]
    if person.removed_at is not None:
        plan.fields["removed_at"] = None
        said.append("was removed and is back")
    return said


def _plan_phones(plan: Plan, entry: Entry, known: Known) -> None:
    """Numbers that an import put there are replaced by those of the same type; others stay. Who
    comes back has the numbers again that went with them. One that somebody took away by hand stays
    away."""
    have = known.phones.get(plan.person_id or 0, {})
    listed = dict(entry.phones)
    plan.new_phones = [(e164, type_) for e164, type_ in entry.phones if e164 not in have]
    for e164, phone in have.items():
        left = plan.person.removed_at
        is_there = phone.removed_at is None or phone.removed_at == left
        changes: dict[str, Any] = {}
        if e164 in listed and not (is_there or phone.imported):
            plan.away.append(e164)
        elif e164 in listed:
            changes = _listed(phone, listed[e164], verify=entry.kind == PROSPECT)
        elif is_there and not (phone.imported and phone.type in listed.values()):
            changes = {"removed_at": None} if phone.removed_at else {}
        elif phone.removed_at is None:
            changes = {"removed_at": clock.now()}
        if changes:
            plan.phones.append({"id": phone.id, "e164": e164, **changes})


def _listed(phone: Any, type_: PhoneType, *, verify: bool) -> dict[str, Any]:
    """What changes about a phone that the row names (S3-68)."""
    changes: dict[str, Any] = {}
    if phone.removed_at is not None:
        changes["removed_at"] = None
    if phone.imported and phone.type is not type_:
        changes["type"] = type_
    if verify and phone.verified_at is None:
        changes["verified"] = True
    return changes


def _warn(job: Job, plan: Plan, known: Known) -> None:
    """A number of many people is allowed, and told (C9); so is one that stays taken away."""
    if plan.away:
        shown = pretty(plan.away[0], job.region)
        plan.reason = f"{plan.reason} Somebody took {shown} away by hand, so it stays away.".strip()
    place = known.places.get(plan.person_id or 0)
    if place and place.by_hand and plan.unit and plan.unit.name != place.name:
        plan.reason = f"{plan.reason} Stays in {place.name}: put there by hand.".strip()
    for e164, _ in plan.new_phones:
        known.shared[e164] += 1
        if (count := known.shared[e164]) > MOST_SHARED:
            shown = pretty(e164, job.region)
            plan.reason = f"{count} people have {shown}: its answers go to the last one texted."
