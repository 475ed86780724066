"""Addressing: whose a number is that somebody typed to write to (S4-35). Reads, and changes
nothing."""

from dataclasses import dataclass

from sqlalchemy import select

from app.database import db
from app.models import ContactNumber, Person, PersonPhone
from app.rules.access import Viewer, Whose
from app.rules.consent import SmsStatus
from app.services import phones, threads
from app.services.deciding import Target


@dataclass(frozen=True, slots=True)
class Address:
    """A typed number. `number`: as we know it; one that nobody has texted with is in no table yet.
    `owners`: who has it, each with the id of their phone."""

    number: ContactNumber
    owners: list[tuple[Person, int]]

    @property
    def e164(self) -> str:
        return self.number.e164


def look_up(viewer: Viewer, typed: str) -> Address:
    """Raises Invalid at `number` for what is no number, or is one of ours."""
    e164 = phones.theirs(viewer, typed, "number")
    number = db.session.execute(
        select(ContactNumber).where(
            ContactNumber.institution_id == viewer.institution_id, ContactNumber.e164 == e164
        )
    ).scalar_one_or_none()
    if number is None:
        nobodys = ContactNumber(
            institution_id=viewer.institution_id, e164=e164, status=SmsStatus.DEFAULT
        )
        return Address(nobodys, [])
    return Address(number, owners(number.id))


def owners(contact_id: int) -> list[tuple[Person, int]]:
    """Who has this number, by name, each with the id of their phone."""
    found = db.session.execute(
        select(Person, PersonPhone.id)
        .join(PersonPhone, PersonPhone.person_id == Person.id)
        .where(PersonPhone.contact_number_id == contact_id, PersonPhone.removed_at.is_(None))
        .order_by(Person.family_name, Person.given_name, Person.id)
    )
    return [(person, phone_id) for person, phone_id in found]


def nobodys(viewer: Viewer, number: ContactNumber) -> Target:
    """The number itself as the one to write to, in the thread that the viewer has with it."""
    thread = number.id and threads.find_bare(
        viewer.institution_id, Whose(viewer.staff_id), number.id
    )
    return Target(None, thread or None, number)
