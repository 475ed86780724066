"""Guardians: who stands for which student, as the school's own system says it.

A link names the guardian by the ID they have in that system, so a file may tell of them in any
order, and whoever comes later belongs to their students at once.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import and_, delete, select, tuple_

from app.database import db, upsert
from app.models import Guardianship, Person, PersonKind
from app.rules.access import Viewer


def family(viewer: Viewer, person: Person) -> list[Person]:
    """The guardians of a student, the students of a guardian; by name, without who was removed."""
    if person.kind is PersonKind.GUARDIAN:
        theirs = and_(
            Guardianship.person_id == Person.id, Guardianship.source_id == person.source_id
        )
    else:
        theirs = and_(
            Guardianship.source_id == Person.source_id,
            Guardianship.person_id == person.id,
            Person.kind == PersonKind.GUARDIAN,
        )
    found = db.session.execute(
        select(Person)
        .join(Guardianship, theirs)
        .where(
            Guardianship.institution_id == viewer.institution_id,
            Person.institution_id == viewer.institution_id,
            Person.removed_at.is_(None),
        )
        .order_by(Person.family_name, Person.given_name, Person.id)
    )
    return list(found.scalars())


def named(person_ids: Collection[int]) -> dict[int, set[str]]:
    """The IDs of the guardians of these people, by person."""
    rows = db.session.execute(
        select(Guardianship.person_id, Guardianship.source_id).where(
            Guardianship.person_id.in_(person_ids)
        )
    )
    found: dict[int, set[str]] = defaultdict(set)
    for person_id, source_id in rows:
        found[person_id].add(source_id)
    return found


def replace(institution_id: int, wanted: Mapping[int, Iterable[str]]) -> None:
    """These IDs and no others are the guardians of these people, in the open transaction."""
    pairs = [(person_id, source_id) for person_id, ids in wanted.items() for source_id in ids]
    old = [Guardianship.person_id.in_(wanted)]
    if pairs:
        old.append(tuple_(Guardianship.person_id, Guardianship.source_id).not_in(pairs))
    db.session.execute(delete(Guardianship).where(*old))
    if pairs:
        rows = [
            {"institution_id": institution_id, "person_id": person_id, "source_id": source_id}
            for person_id, source_id in pairs
        ]
        db.session.execute(upsert(Guardianship).on_conflict_do_nothing(), rows)
