"""Codes: what a provider's error code means and what follows from it, as data (D19, D35).

An unknown code is final for its message and leaves the number alone. Twilio shifts its codes over
time, so this table is the only place that knows them.

Source: reference/protocol.md 1.8, narrowed by D19, D31 and D35
"""

from dataclasses import dataclass
from enum import StrEnum

from app.rules.consent import ConsentEvent


class Then(StrEnum):
    """What becomes of the message."""

    EMAIL = "email"  # it goes out by email, once
    RETRY = "retry"  # the same text again, later; by email when the retries are used up
    WAIT = "wait"  # a fault of ours: it stays queued, the account stops, the admin is told
    FAIL = "fail"  # a fault of this message: its writer is told


@dataclass(frozen=True, slots=True)
class Code:
    meaning: str  # plain words, no final stop
    then: Then
    consent: ConsentEvent | None = None  # what it says about the recipient's number


_INVALID = ConsentEvent.NUMBER_INVALID
_UNKNOWN_HANDSET = ConsentEvent.HANDSET_UNKNOWN

EXPIRED = "expired"  # no provider's: what nobody could hand over within its validity (D38)

CODES: dict[str, Code] = {
    # The recipient's number can get no texts (D19).
    "21211": Code("Not a valid number", Then.EMAIL, _INVALID),
    "21217": Code("Not a valid number", Then.EMAIL, _INVALID),
    "21265": Code("A short code, not a phone", Then.EMAIL, _INVALID),
    "21614": Code("Not a mobile number", Then.EMAIL, _INVALID),
    "21635": Code("Landline", Then.EMAIL, _INVALID),
    "30005": Code("Number not in use", Then.EMAIL, _UNKNOWN_HANDSET),
    "30006": Code("Landline", Then.EMAIL, _INVALID),
    # The person said STOP (S3-87).
    "21610": Code("Opted out at the carrier", Then.EMAIL, ConsentEvent.OPTED_OUT),
    # This text did not arrive; the number may be fine.
    "21612": Code("No route to this number", Then.EMAIL),
    "30003": Code("Phone off or out of reach", Then.RETRY),
    "30004": Code("Blocked by phone or carrier", Then.EMAIL),
    "30007": Code("Stopped as spam", Then.EMAIL),
    "30008": Code("No reason given", Then.EMAIL),
    "30034": Code("Our number is not registered for texting", Then.EMAIL),
    # Ours: the account or the sending number cannot be used.
    "20003": Code("The provider does not accept our credentials", Then.WAIT),
    "20005": Code("The provider account is not active", Then.WAIT),
    "20404": Code("The provider does not know our account", Then.WAIT),
    "21212": Code("Our number is not valid at the provider", Then.WAIT),
    "21601": Code("Our number cannot send texts", Then.WAIT),
    "21606": Code("Our number cannot send texts", Then.WAIT),
    "21608": Code("The provider account is on trial", Then.WAIT),
    "21659": Code("Our number does not belong to the provider account", Then.WAIT),
    "21660": Code("Our number does not belong to the provider account", Then.WAIT),
    "21661": Code("Our number cannot send texts", Then.WAIT),
    "30002": Code("The provider account is suspended", Then.WAIT),
    "30032": Code("Our toll-free number is not verified", Then.WAIT),
    "30033": Code("Our campaign registration is suspended", Then.WAIT),
    # This message is wrong in itself, or came too late.
    "21266": Code("Sender and recipient are the same number", Then.FAIL),
    "21408": Code("Texting this country is not switched on", Then.FAIL),
    "21602": Code("The text is empty", Then.FAIL),
    "21617": Code("The text is too long", Then.FAIL),
    "30001": Code("The provider's queue was full", Then.FAIL),
    "30036": Code("Not sent in time", Then.FAIL),
    EXPIRED: Code("Waited too long to be sent", Then.FAIL),
}  # fmt: skip

_UNKNOWN = Code("The provider gave an error", Then.FAIL)


def look_up(code: str | None) -> Code:
    """The entry of a code; final and harmless for the number where the code is not in the table."""
    return CODES.get(code or "", _UNKNOWN)
