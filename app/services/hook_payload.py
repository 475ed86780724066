"""Hook payload: what another system is told of an event: the row as the API shows it, when it is
told."""

from datetime import datetime

from sqlalchemy import select

from app import models
from app.database import db
from app.models import HookDelivery, SenderNumber
from app.rules.hooks import CHOICES
from app.services import messages, numbers, shapes
from app.services.shapes import Message, Number, Person, Shape


class Told(Shape):
    """`seq`, `ids`, `status`: as in the feed of events. `data`: the row; null where it is gone, or
    belongs to nobody."""

    type: str
    timestamp: datetime
    seq: int | None
    ids: dict[str, int]
    status: str | None
    data: Message | Person | Number | None


def body(delivery: HookDelivery) -> bytes:
    """JSON."""
    told = Told(
        type=delivery.name,
        timestamp=delivery.at,
        seq=delivery.seq,
        ids=delivery.ids,
        status=delivery.status,
        data=_row(delivery),
    )
    return told.model_dump_json(by_alias=True).encode()


def _row(delivery: HookDelivery) -> Message | Person | Number | None:
    choice = CHOICES.get(delivery.name)
    row_id = delivery.ids.get(choice.data) if choice else None
    if choice is None or row_id is None:
        return None
    return _READERS[choice.data](delivery.institution_id, row_id)


def _message(institution_id: int, message_id: int) -> Message | None:
    found = messages.of_institution(institution_id, message_id)
    return shapes.message(found) if found else None


def _person(institution_id: int, person_id: int) -> Person | None:
    rows = db.session.execute(
        select(models.Person).where(
            models.Person.id == person_id, models.Person.institution_id == institution_id
        )
    ).scalars()
    return next(iter(shapes.people(list(rows))), None)


def _number(institution_id: int, number_id: int) -> Number | None:
    number = db.session.get(SenderNumber, number_id)
    if number is None or number.institution_id != institution_id:
        return None
    return shapes.numbers([(number, numbers.open_assignment(number_id))])[0]


_READERS = {"message": _message, "person": _person, "number": _number}
