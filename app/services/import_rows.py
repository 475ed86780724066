"""Import rows: a batch of rows becomes people, in one transaction of few statements.

First everything that is known about these people is read, then each row is planned as a whole, then
all plans are carried out at once. A dry run stops after the plans. No statement here names a
consent status, but that a number added to somebody who said STOP starts DISABLED (S3-60, D14, D22).
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from app import clock
from app.database import LOCK, RETRIES, db, retrying, transaction, upsert
from app.errors import Conflict
from app.events import Event, publish
from app.models import (
    Advisee,
    ContactNumber,
    ImportRow,
    ImportRun,
    Person,
    PersonPhone,
)
from app.points import reached
from app.rules.access import Can
from app.rules.consent import ConsentEvent, SmsStatus
from app.rules.history import ADDED_AFTER_STOP
from app.rules.importing import PROSPECT, Entry
from app.rules.search import folded, tail
from app.services import guardians, import_units, roles
from app.services.consent import Change, apply
from app.services.import_claims import lease
from app.services.import_known import Job
from app.services.import_plans import Plan, Row, planned

TELL_EACH = 50  # changes of a batch that browsers hear of one by one


def take(job: Job, batch: Sequence[Row], at: int) -> None:
    """Deal with these rows, which begin at the row `at` of the run. All of it or nothing: whoever
    was killed in between begins with the same rows again.

    Raises Conflict where somebody else has dealt with them.
    """
    for left in range(RETRIES, -1, -1):
        try:
            _take(job, batch, at)
            return
        except IntegrityError:  # somebody made one of these people or numbers just now
            if not left:
                raise


@retrying
def _take(job: Job, batch: Sequence[Row], at: int) -> None:
    with transaction():
        if job.units:
            roles.lock(job.institution_id)  # as whoever moves staff by hand
        run = db.session.execute(
            select(ImportRun.claims, ImportRun.done, ImportRun.counts, ImportRun.options)
            .where(ImportRun.id == job.run_id)
            .with_for_update(**LOCK)
        ).one()
        if (run.claims, run.done) != (job.claims, at):
            raise Conflict("Somebody else is at this import.")
        plans = planned(job, batch)
        if not job.dry_run:
            _carry_out(job, [plan for plan in plans if plan.writes])
        _note(job, plans)
        counts = Counter(run.counts) + Counter(plan.outcome.value for plan in plans)
        kinds = {p.entry.kind for p in plans if isinstance(p.entry, Entry) and not p.entry.gone}
        options = {**run.options, "kinds": sorted({*run.options.get("kinds", ()), *kinds})}
        db.session.execute(
            update(ImportRun)
            .where(ImportRun.id == job.run_id)
            .values(
                done=at + len(batch),
                counts=dict(counts),
                options=options,
                lease_until=lease(),
            )
        )
        _tell(job, plans)
        reached("importing.taken")


def _tell(job: Job, plans: Sequence[Plan]) -> None:
    about = Event("import.changed", {"import": job.run_id}, (Can.PEOPLE_IMPORT.value,))
    publish(job.institution_id, about)
    written = [plan for plan in plans if plan.writes and plan.person_id] if not job.dry_run else []
    if len(written) <= TELL_EACH:
        for plan in written:
            name = "person.created" if plan.person is None else "person.changed"
            ids = {"person": plan.person_id or 0}
            publish(job.institution_id, Event(name, ids, (Can.PEOPLE_READ.value,)))


def _note(job: Job, plans: Sequence[Plan]) -> None:
    """What became of each row."""
    db.session.execute(
        insert(ImportRow),
        [
            {
                "institution_id": job.institution_id,
                "run_id": job.run_id,
                "line": plan.line,
                "key": plan.entry.key,
                "name": plan.entry.name,
                "outcome": plan.outcome,
                "reason": plan.reason,
                "person_id": plan.person_id,
            }
            for plan in plans
        ],
    )


# Carrying out


def _carry_out(job: Job, plans: Sequence[Plan]) -> None:
    now = clock.now()
    _write_people(job, plans)
    contacts = _contacts(job, plans)
    _write_phones(job, plans, contacts)
    stopped = [p for p in plans if p.person is not None and p.person.opted_out_at is not None]
    changes = [
        Change(contacts[e164].id, ConsentEvent.PERSON_OPTED_OUT, ADDED_AFTER_STOP, job.staff_id)
        for plan in stopped
        for e164 in _added(plan)
        if contacts[e164].status is SmsStatus.DEFAULT
    ]
    if changes:
        apply(job.institution_id, changes, now)
    families = {p.person_id: p.guardians for p in plans if p.person_id and p.guardians is not None}
    if families:
        guardians.replace(job.institution_id, families)
    if moves := {plan.moves: plan.unit for plan in plans if plan.moves and plan.unit}:
        import_units.put(job, moves)
    links = [
        {
            "staff_id": staff_id,
            "person_id": plan.person_id,
            "institution_id": job.institution_id,
            "created_at": now,
            "created_by": job.staff_id,
        }
        for plan in plans
        for staff_id in plan.links
    ]
    if links:
        db.session.execute(upsert(Advisee).on_conflict_do_nothing(), links)


def _added(plan: Plan) -> list[str]:
    """The numbers that somebody did not have until now."""
    back = [change["e164"] for change in plan.phones if change.get("removed_at", 0) is None]
    return [*(e164 for e164, _ in plan.new_phones), *back]


def _write_people(job: Job, plans: Sequence[Plan]) -> None:
    new = [plan for plan in plans if plan.person is None]
    empty = dict.fromkeys(("email", "source_id", "timezone"))
    made = {"institution_id": job.institution_id, "created_at": clock.now()}
    if new:
        rows = [{**empty, **plan.fields, **made, "words": _words(plan)} for plan in new]
        ids = db.session.execute(
            insert(Person).returning(Person.id, sort_by_parameter_order=True), rows
        ).scalars()
        for plan, person_id in zip(new, ids, strict=True):
            plan.person_id = person_id
    changed = [plan for plan in plans if plan.person is not None and plan.fields]
    if changed:
        db.session.execute(
            update(Person),
            [{"id": plan.person_id, **plan.fields, "words": _words(plan)} for plan in changed],
        )


def _words(plan: Plan) -> str:
    given, family, source_id = (
        plan.fields.get(name, getattr(plan.person, name, None))
        for name in ("given_name", "family_name", "source_id")
    )
    return folded(f"{given} {family} {source_id or ''}")


def _contacts(job: Job, plans: Sequence[Plan]) -> dict[str, Any]:
    """The numbers that are added, with their consent, which is their own, whoever had them (D13);
    locked."""
    numbers = sorted({e164 for plan in plans for e164 in _added(plan)})
    made = {"institution_id": job.institution_id, "status": SmsStatus.DEFAULT}
    if numbers:
        db.session.execute(
            upsert(ContactNumber).on_conflict_do_nothing(),
            [{**made, "e164": e164, "tail": tail(e164)} for e164 in numbers],
        )
    rows = db.session.execute(
        select(ContactNumber.id, ContactNumber.e164, ContactNumber.status)
        .where(ContactNumber.institution_id == job.institution_id, ContactNumber.e164.in_(numbers))
        .order_by(ContactNumber.id)
        .with_for_update(**LOCK)
    )
    return {row.e164: row for row in rows}


def _write_phones(job: Job, plans: Sequence[Plan], contacts: dict[str, Any]) -> None:
    now = clock.now()
    new, changed = [], []
    for plan in plans:
        verify = isinstance(plan.entry, Entry) and plan.entry.kind == PROSPECT
        for e164, type_ in plan.new_phones:
            new.append(
                {
                    "institution_id": job.institution_id,
                    "person_id": plan.person_id,
                    "contact_number_id": contacts[e164].id,
                    "type": type_,
                    "imported": True,
                    "verified_at": now if verify else None,
                    "verified_by": job.staff_id if verify else None,
                }
            )
        for change in plan.phones:
            row = {name: value for name, value in change.items() if name != "e164"}
            if row.pop("verified", False):
                row |= {"verified_at": now, "verified_by": job.staff_id}
            changed.append(row)
    if new:
        db.session.execute(insert(PersonPhone), new)
    if changed:
        db.session.execute(update(PersonPhone), changed)
