"""Consent: who may be texted. STOP, START and the settings by hand, with their ledger and markers.

The functions that take a transaction as open are called by the use case that caused the change
(receiving, tracking); `set_by_staff` is a use case of its own.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, or_, select, true, update

from app import clock
from app.database import LOCK, db, retrying, transaction, upsert
from app.errors import Forbidden, Invalid, NotFound
from app.events import Event, about_conversation, publish
from app.models import (
    ConsentEntry,
    ContactNumber,
    Conversation,
    Marker,
    PairBlock,
    Person,
    PersonPhone,
)
from app.rules.access import Can, Viewer, Whose
from app.rules.consent import ConsentEvent, SmsStatus, next_consent
from app.services import held
from app.services.audit import audit

BY_HAND = {
    SmsStatus.ENABLED: ConsentEvent.STAFF_ENABLED,
    SmsStatus.DISABLED: ConsentEvent.STAFF_DISABLED,
    SmsStatus.DEFAULT: ConsentEvent.STAFF_DEFAULT,
}


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to the consent of one number, and where it came from."""

    contact_id: int
    event: ConsentEvent
    reason: str = ""
    staff_id: int | None = None
    message_id: int | None = None


def lock(contact_ids: Collection[int], *, with_siblings: bool = False) -> dict[int, ContactNumber]:
    """The numbers, locked in the order of their ids, as they are now.

    `with_siblings`: also all other numbers of their owners, for what may turn out to be a STOP: two
    of one person's numbers must not be locked one by one in different orders.
    """
    wanted: ColumnElement[bool] = ContactNumber.id.in_(sorted(set(contact_ids)))
    if with_siblings:
        owned = select(PersonPhone.person_id).where(PersonPhone.contact_number_id.in_(contact_ids))
        wanted = or_(
            wanted,
            ContactNumber.id.in_(
                select(PersonPhone.contact_number_id).where(PersonPhone.person_id.in_(owned))
            ),
        )
    rows = db.session.execute(
        select(ContactNumber)
        .where(wanted)
        .order_by(ContactNumber.id)
        .with_for_update(**LOCK)
        .execution_options(populate_existing=True)
    )
    return {number.id: number for number in rows.scalars()}


def apply(institution_id: int, changes: Sequence[Change], now: datetime) -> set[int]:
    """Change what the rules say, in the open transaction; the ids of the numbers that changed.

    Each change is one row in the ledger and an event; a change that the rules ignore leaves
    nothing.
    """
    numbers = lock([c.contact_id for c in changes])
    entries: list[dict[str, Any]] = []
    changed: set[int] = set()
    for change in changes:
        number = numbers[change.contact_id]
        before, after = number.consent, next_consent(number.consent, change.event)
        if after == before:
            continue
        number.status, number.disabled_by, number.changed_at = after.status, after.by, now
        changed.add(number.id)
        entries.append(
            {
                "institution_id": institution_id,
                "contact_number_id": number.id,
                "from_status": before.status,
                "to_status": after.status,
                "event": change.event,
                "reason": change.reason,
                "staff_id": change.staff_id,
                "message_id": change.message_id,
                "at": now,
            }
        )
    if entries:
        db.session.flush()
        db.session.execute(insert(ConsentEntry), entries)
        _announce(institution_id, changed)
    return changed


def _announce(institution_id: int, contact_ids: set[int]) -> None:
    """Tell whoever may read people, once for each owner of each number."""
    owners = db.session.execute(
        select(PersonPhone.contact_number_id, PersonPhone.person_id)
        .where(PersonPhone.contact_number_id.in_(contact_ids), PersonPhone.removed_at.is_(None))
        .order_by(PersonPhone.contact_number_id, PersonPhone.person_id)
    ).all()
    found = [{"contact_number": contact, "person": person} for contact, person in owners]
    bare = contact_ids - {contact for contact, _ in owners}
    found += [{"contact_number": contact} for contact in sorted(bare)]
    publish(
        institution_id, *(Event("consent.changed", ids, (Can.PEOPLE_READ.value,)) for ids in found)
    )


def numbers_of(person_id: int) -> list[int]:
    """The contact ids of a person's current numbers."""
    return list(
        db.session.execute(
            select(PersonPhone.contact_number_id)
            .where(PersonPhone.person_id == person_id, PersonPhone.removed_at.is_(None))
            .order_by(PersonPhone.contact_number_id)
        ).scalars()
    )


def opt_out(
    institution_id: int,
    contact_id: int,
    person_id: int | None,
    *,
    words: str,
    now: datetime,
    marker: str,
    message_id: int | None = None,
    staff_id: int | None = None,
    said_at: datetime | None = None,
    spared: Collection[int] = (),
) -> None:
    """STOP, or what counts as one: the number it came from and all numbers of the person (D14,
    S3-54).

    `person_id`: whose thread it answered; None where nobody knows, then the number alone.
    `marker`: what the threads with that person show. `said_at`: None = now. `spared`: numbers that
    have opted in since it was said, and with them the person.
    """
    if person_id and not spared:
        # First, so that a number which is being added waits for this, or is seen (D14).
        db.session.execute(
            update(Person)
            .where(Person.id == person_id)
            .values(opted_out_at=func.coalesce(Person.opted_out_at, now))
        )
    numbers = numbers_of(person_id) if person_id else []
    others = [n for n in numbers if n != contact_id and n not in spared]
    whole = Change(contact_id, ConsentEvent.OPTED_OUT, words, staff_id, message_id)
    rest = [
        Change(other, ConsentEvent.PERSON_OPTED_OUT, words, staff_id, message_id)
        for other in others
    ]
    apply(institution_id, [whole, *rest], now)
    held.cancel_to(person_id, contact_id, marker)
    mark_threads(institution_id, contact_id, person_id, "opted_out", marker, said_at or now)


def opt_in(
    institution_id: int,
    contact_id: int,
    person_id: int | None,
    *,
    words: str,
    now: datetime,
    marker: str,
    message_id: int | None = None,
    said_at: datetime | None = None,
) -> None:
    """START: this number and no other (D16, S3-58). Lifts the opted-out mark of its person."""
    apply(
        institution_id,
        [Change(contact_id, ConsentEvent.OPTED_IN, words, message_id=message_id)],
        now,
    )
    owners = (
        [person_id]
        if person_id
        else select(PersonPhone.person_id).where(
            PersonPhone.contact_number_id == contact_id, PersonPhone.removed_at.is_(None)
        )
    )
    db.session.execute(update(Person).where(Person.id.in_(owners)).values(opted_out_at=None))
    mark_threads(institution_id, contact_id, person_id, "opted_in", marker, said_at or now)


def mark_threads(
    institution_id: int,
    contact_id: int,
    person_id: int | None,
    name: str,
    text: str,
    now: datetime,
) -> None:
    """Leave a marker in every thread with this person, or with the bare number; tell their
    holders."""
    threads = db.session.execute(
        select(Conversation.id, Conversation.staff_id, Conversation.org_unit_id)
        .where(
            Conversation.institution_id == institution_id,
            or_(
                Conversation.person_id == person_id if person_id else False,
                (Conversation.contact_number_id == contact_id) & Conversation.person_id.is_(None),
            ),
        )
        .order_by(Conversation.id)
    ).all()
    add_markers([thread.id for thread in threads], institution_id, name, text, now)
    changed = "conversation.changed"
    publish(
        institution_id,
        *(about_conversation(changed, id_, Whose(*whose)) for id_, *whose in threads),
    )


def add_markers(
    conversation_ids: Sequence[int], institution_id: int, name: str, text: str, now: datetime
) -> None:
    if conversation_ids:
        row = {
            "institution_id": institution_id,
            "name": name,
            "text": text,
            "at": now,
            "detail": {},
        }
        db.session.execute(
            insert(Marker), [row | {"conversation_id": thread} for thread in conversation_ids]
        )


def block_pair(institution_id: int, number_id: int, contact_id: int, now: datetime) -> bool:
    """The carrier lets nothing through on this pair (D18). True where that is news."""
    row = {
        "institution_id": institution_id,
        "sender_number_id": number_id,
        "contact_number_id": contact_id,
        "blocked_at": now,
    }
    made = upsert(PairBlock).values(row).on_conflict_do_nothing()
    return bool(db.session.execute(made.returning(PairBlock.sender_number_id)).first())


def unblock_pair(number_id: int, contact_id: int) -> None:
    db.session.execute(
        delete(PairBlock).where(
            PairBlock.sender_number_id == number_id, PairBlock.contact_number_id == contact_id
        )
    )


def may_edit(viewer: Viewer, person_id: int) -> bool:
    """People and consent are edited in one's own conversations; with `inbox.all` everybody's
    (D3)."""
    if viewer.can(Can.INBOX_ALL):
        return True
    own = select(Conversation.id).where(
        Conversation.staff_id.in_(sorted(viewer.holders)), Conversation.person_id == person_id
    )
    return db.session.execute(own.limit(1)).first() is not None


@retrying
def set_by_staff(viewer: Viewer, phone_id: int, status: SmsStatus, reason: str) -> None:
    """Set a number's status by hand, with a reason (S3-11, S3-46, S3-50)."""
    if not reason.strip():
        raise Invalid("reason", "Say why, in a few words: it is kept with the change.")
    with transaction():
        phone = db.session.get(PersonPhone, phone_id)
        if phone is None or phone.institution_id != viewer.institution_id or phone.removed_at:
            raise NotFound("There is no such phone.")
        if not (viewer.can(Can.CONSENT_EDIT) and may_edit(viewer, phone.person_id)):
            raise Forbidden("You can change this for people in your own conversations.")
        now = clock.now()
        change = Change(
            phone.contact_number_id, BY_HAND[status], reason.strip(), staff_id=viewer.staff_id
        )
        if not apply(viewer.institution_id, [change], now):
            return
        if (
            status is SmsStatus.ENABLED
        ):  # an opt-out that was caught by mistake is undone here (D14)
            db.session.execute(
                update(Person).where(Person.id == phone.person_id).values(opted_out_at=None)
            )
        audit(
            viewer.institution_id,
            "consent.changed",
            f"contact_number:{phone.contact_number_id}",
            viewer.staff_id,
            status=status.value,
        )
        word = {SmsStatus.ENABLED: "on", SmsStatus.DISABLED: "off"}.get(status, "to the default")
        mark_threads(
            viewer.institution_id,
            phone.contact_number_id,
            phone.person_id,
            f"sms_{status}",
            f"{viewer.name} switched texts {word} for a number: {reason.strip()}"[:400],
            now,
        )


def ledger(
    viewer: Viewer, phone_id: int, limit: int | None = None, before: int | None = None
) -> list[ConsentEntry]:
    """Every change of this number's consent, newest first. `before`: an entry's id."""
    phone = db.session.get(PersonPhone, phone_id)
    if phone is None or phone.institution_id != viewer.institution_id:
        raise NotFound("There is no such phone.")
    return list(
        db.session.execute(
            select(ConsentEntry)
            .where(
                ConsentEntry.contact_number_id == phone.contact_number_id,
                ConsentEntry.id < before if before else true(),
            )
            .order_by(ConsentEntry.id.desc())
            .limit(limit)
        ).scalars()
    )
