"""Reach: at a glance, how somebody can be reached: by text, by email, or not at all."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from app.rules.consent import DisabledBy
from app.rules.recipient import Defaults, Phone, choose_phone

STOPPED = frozenset({DisabledBy.OWN_STOP, DisabledBy.PERSON_STOP})


class How(StrEnum):
    TEXT = "text"  # a phone of theirs can be texted
    OPTED_OUT = "opted_out"  # none can, and they said STOP
    EMAIL = "email"  # none can, and there is an address
    NOTHING = "nothing"  # neither


@dataclass(frozen=True, slots=True)
class Reach:
    """`phone`: the one that a text would go to; None where none can."""

    how: How
    phone: Phone | None = None


def reach(
    phones: Iterable[Phone],
    defaults: Defaults,
    *,
    email: str | None,
    opted_out: bool,
    reply_to: int | None = None,
) -> Reach:
    """How a text to this person would travel as far as it is about them (D8): whether texting is
    switched on, a number free and the limit reached is the same for all.

    `opted_out`: said STOP. `reply_to`: contact id of the thread's last inbound text (D12).
    """
    phones = list(phones)
    phone = choose_phone(phones, defaults, reply_to=reply_to).phone
    if phone is not None:
        return Reach(How.TEXT, phone)
    if opted_out or any(p.consent.by in STOPPED for p in phones):
        return Reach(How.OPTED_OUT)
    return Reach(How.EMAIL if email else How.NOTHING)
