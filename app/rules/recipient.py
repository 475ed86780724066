"""Recipient: which one of a person's numbers gets the text."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from app.rules.consent import Consent, DisabledBy, SmsStatus
from app.rules.phones import PhoneType, is_e164
from app.rules.reasons import Reason

_NEVER = datetime.min.replace(tzinfo=UTC)

_WHY_DISABLED = {
    DisabledBy.OWN_STOP: Reason.OPTED_OUT,
    DisabledBy.PERSON_STOP: Reason.OPTED_OUT,
    DisabledBy.STAFF: Reason.DISABLED_BY_STAFF,
    DisabledBy.INVALID: Reason.NUMBER_INVALID,
}


@dataclass(frozen=True, slots=True)
class Phone:
    """What the rules know about one number of one person."""

    id: int  # of the link between person and number; 0 for a number that is nobody's yet
    contact_id: int
    e164: str  # "+14155550100"; anything else cannot be answered
    type: PhoneType
    consent: Consent
    verified_at: datetime | None = None  # aware, UTC


@dataclass(frozen=True, slots=True)
class Defaults:
    """The institution's setting for this kind of person (S3-4..S3-6, D8)."""

    opted_in: bool
    phone_type: PhoneType


@dataclass(frozen=True, slots=True)
class Choice:
    """The phone to text and why; or None and why not, with the number that it is about."""

    phone: Phone | None
    reason: Reason
    about: str = ""


def choose_phone(
    phones: Iterable[Phone],
    defaults: Defaults,
    *,
    reply_to: int | None = None,
    chosen: int | None = None,
) -> Choice:
    """Exactly one number, or none (S3-84).

    `chosen`: the phone id that the sender picked by hand (D11). `reply_to`: the contact id that the
    thread's last inbound text came from (D12). Else an ENABLED number wins over a DEFAULT one, and
    a DEFAULT one counts only where the default is opted-in and it is of the default type (S3-9).
    Among equals the latest verified wins, then the lowest id, so that the choice is stable (S3-81).
    """
    ours = [p for p in phones if p.type is not PhoneType.SYSTEM]
    if chosen is not None:
        picked = next((p for p in ours if p.id == chosen), None)
        if picked and why_not(picked, defaults) is None:
            return Choice(picked, Reason.CHOSEN_PHONE)
        return _none_of([picked] if picked else [], defaults)
    answered = [p for p in ours if p.contact_id == reply_to and is_e164(p.e164)]
    if any(p.consent.status is not SmsStatus.DISABLED for p in answered):
        return Choice(answered[0], Reason.REPLY)
    if enabled := [p for p in ours if p.consent.status is SmsStatus.ENABLED and is_e164(p.e164)]:
        return Choice(max(enabled, key=_rank), Reason.ENABLED_PHONE)
    if by_default := [p for p in ours if why_not(p, defaults) is None]:
        return Choice(max(by_default, key=_rank), Reason.DEFAULT_PHONE)
    return _none_of(ours, defaults)


def why_not(phone: Phone, defaults: Defaults) -> Reason | None:
    """Why this number cannot be texted; None where it can."""
    if phone.consent.by is not None:
        return _WHY_DISABLED[phone.consent.by]
    if not is_e164(phone.e164):
        return Reason.NUMBER_INVALID
    if phone.consent.status is SmsStatus.ENABLED:
        return None
    if phone.type is not defaults.phone_type:
        return Reason.NO_TEXTABLE_PHONE
    return None if defaults.opted_in else Reason.OPTED_OUT_BY_DEFAULT


def _none_of(phones: list[Phone], defaults: Defaults) -> Choice:
    """No phone, for the reason of the one that would have been chosen first (D30): were they not
    DISABLED, those come before DEFAULT ones, and the ones of the default type before the others."""
    if not phones:
        return Choice(None, Reason.NO_PHONE)

    def would_have_been(phone: Phone) -> tuple[bool, bool, datetime, int]:
        disabled = phone.consent.status is SmsStatus.DISABLED
        return (disabled, phone.type is defaults.phone_type, *_rank(phone))

    first = max(phones, key=would_have_been)
    return Choice(None, why_not(first, defaults) or Reason.NO_TEXTABLE_PHONE, first.e164)


def _rank(phone: Phone) -> tuple[datetime, int]:
    return (phone.verified_at or _NEVER, -phone.id)
