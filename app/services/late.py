"""Late: what a STOP or START that was found late may still change.

Consent follows the order in which people sent their words, not the order in which we learned of
them. Clocks cannot tell it: a webhook brings no time. The provider's list can, because it holds the
late texts beside those that reached us.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from app.database import db
from app.models import ContactNumber, Message
from app.providers import InboundSms
from app.rules.keywords import Keyword
from app.services.consent import numbers_of

_WORDS = (Keyword.STOP, Keyword.START)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a provider listed, oldest first. `newest_id`: our newest message of before we asked;
    what has come since then and is not in the list was sent after all of it."""

    texts: Sequence[InboundSms]
    newest_id: int


@dataclass(frozen=True, slots=True)
class Later:
    """What was said after a word. `about_it`: that it changes nothing any more. `started`: the
    numbers that have opted in again, which a STOP from another number leaves alone."""

    about_it: bool = False
    started: frozenset[int] = frozenset()


def said_after(listing: Listing, sid: str, contact_id: int, person_id: int | None) -> Later:
    """What this phone, and the person's other ones, said after the text `sid`, as far as we know
    it. A later START counts for its own number (D16), a later STOP for all of them (D14)."""
    ids = {contact_id, *(numbers_of(person_id) if person_id else ())}
    phones = set(
        db.session.execute(select(ContactNumber.e164).where(ContactNumber.id.in_(ids))).scalars()
    )
    sent = [text.sid for text in listing.texts if text.from_ in phones]
    place = sent.index(sid)
    rows = db.session.execute(
        select(Message.contact_number_id, Message.keyword).where(
            Message.contact_number_id.in_(ids),
            Message.keyword.in_(_WORDS),
            or_(
                Message.provider_sid.in_(sent[place + 1 :]),
                and_(
                    Message.id > listing.newest_id, Message.provider_sid.not_in(sent[: place + 1])
                ),
            ),
        )
    ).all()
    return Later(
        any(contact == contact_id or word is Keyword.STOP for contact, word in rows),
        frozenset(contact for contact, word in rows if contact and word is Keyword.START),
    )
