"""Import removal: whom an import takes away.

They are listed among its rows before anybody is asked or removed, and only who is on that list
goes: whoever says yes to nine people has seen the nine.
"""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import exists, func, insert, select, update

from app import clock
from app.database import LOCK, db, retrying, transaction
from app.events import Event, publish
from app.models import ImportRow, ImportRun, Outcome, Person, PersonPhone, Staff
from app.points import reached
from app.rules import importing as rules
from app.rules.access import Can
from app.services import held, import_ends
from app.services.import_claims import lease, put, tell
from app.services.import_rows import TELL_EACH

BATCH = 500  # people of one transaction
_STILL_THERE = (Person.removed_at.is_(None), ~exists().where(Staff.person_id == Person.id))


def steps(run: ImportRun) -> Iterator[None]:
    """List, ask and remove, when all rows have been taken. Ends early where somebody is asked.

    Yields after each transaction; goes on with what is left."""
    if run.leaving is None:
        while _list_some(run):
            yield
        if _asks(run):
            return
    if not run.dry_run and run.options.get("removal") is not False:
        while _remove_some(run):
            yield
    import_ends.finish(run)


# The list


def _missing(run: ImportRun) -> list[Any]:
    """Whoever was there before with an ID and is not in the file. Never somebody who can sign in,
    whom no import knows, or of a kind that the file is not about."""
    in_file = exists().where(ImportRow.run_id == run.id, ImportRow.key == Person.source_id)
    kinds = Person.kind.in_(run.options.get("kinds", ()))
    return [*_of_import(run), *_STILL_THERE, kinds, ~in_file]


def _of_import(run: ImportRun) -> list[Any]:
    return [
        Person.institution_id == run.institution_id,
        Person.source_id.is_not(None),
        Person.created_at < run.started_at,
    ]


@retrying
def _list_some(run: ImportRun) -> bool:
    """False where nobody is missing who is not on the list."""
    if not run.options.get("remove_missing"):
        return False
    with transaction():
        names = (Person.id, Person.source_id, Person.given_name, Person.family_name)
        found = select(*names).where(*_missing(run)).order_by(Person.id).limit(BATCH)
        people = db.session.execute(found).all()
        if not people:
            return False
        rows = [
            {
                "institution_id": run.institution_id,
                "run_id": run.id,
                "line": 0,
                "key": person.source_id,
                "name": f"{person.given_name} {person.family_name}".strip(),
                "outcome": Outcome.LEAVING,
                "reason": "Not in the file.",
                "person_id": person.id,
            }
            for person in people
        ]
        db.session.execute(insert(ImportRow), rows)
        put(run, lease_until=lease())
        return True


def _asks(run: ImportRun) -> bool:
    """Whether the number is to be confirmed first (C15); it is told either way."""
    count = select(func.count()).select_from(Person)
    leaving = db.session.execute(count.where(*_leaving(run))).scalar_one()
    there = count.where(*_of_import(run), Person.removed_at.is_(None))
    of = db.session.execute(there).scalar_one()
    asks = rules.is_many(leaving, of) or (leaving > 0 and is_unsure(run))
    if asks and not run.dry_run:
        import_ends.ask(run, leaving, of)
        return True
    with transaction():
        put(run, leaving=leaving, of=of)
    return False


def is_unsure(run: ImportRun) -> bool:
    """Whether somebody may be missing only because nobody can tell who is on a line."""
    unreadable = select(ImportRow.id).where(
        ImportRow.run_id == run.id, ImportRow.outcome == Outcome.REFUSED, ImportRow.key == ""
    )
    missing = bool(run.options.get("remove_missing"))
    return missing and db.session.execute(unreadable.limit(1)).first() is not None


# Removing


def _leaving(run: ImportRun) -> list[Any]:
    """Who is on the list, but who came with another import since."""
    listed = select(ImportRow.person_id).where(
        ImportRow.run_id == run.id, ImportRow.outcome == Outcome.LEAVING
    )
    since = select(ImportRun.id).where(
        ImportRun.institution_id == run.institution_id,
        ImportRun.started_at > run.started_at,
        ~ImportRun.dry_run,
    )
    came = exists().where(
        ImportRow.run_id.in_(since),
        ImportRow.key == Person.source_id,
        ImportRow.outcome.not_in([Outcome.LEAVING, Outcome.REMOVED]),
    )
    return [Person.id.in_(listed), *_STILL_THERE, ~came]


@retrying
def _remove_some(run: ImportRun) -> bool:
    """False where nobody is left to remove."""
    now = clock.now()
    with transaction():
        found = select(Person.id).where(*_leaving(run)).order_by(Person.id).limit(BATCH)
        ids = list(db.session.execute(found.with_for_update(**LOCK, of=Person)).scalars())
        if not ids:
            return False
        phones = update(PersonPhone).where(PersonPhone.person_id.in_(ids))
        db.session.execute(update(Person).where(Person.id.in_(ids)).values(removed_at=now))
        # The same time for both: by it their phones are known again when they come back.
        db.session.execute(phones.where(PersonPhone.removed_at.is_(None)).values(removed_at=now))
        held.cancel_for(ids, "An import removed this person.")
        listed = update(ImportRow).where(
            ImportRow.run_id == run.id, ImportRow.outcome == Outcome.LEAVING
        )
        db.session.execute(
            listed.where(ImportRow.person_id.in_(ids)).values(outcome=Outcome.REMOVED)
        )
        put(run, lease_until=lease())
        _tell(run, ids)
        reached("importing.removed")
        return True


def _tell(run: ImportRun, ids: list[int]) -> None:
    tell(run)
    for person_id in ids if len(ids) <= TELL_EACH else ():
        about = Event("person.changed", {"person": person_id}, (Can.PEOPLE_READ.value,))
        publish(run.institution_id, about)
