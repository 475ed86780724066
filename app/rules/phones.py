"""Phones: from what people type to E.164, and back to how people write it."""

import re
from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
ANONYMOUS = "+266696687"  # a caller who hides their number: it spells the word
_EMERGENCY = {"911", "112", "999", "988"}
# A leading "+", digits, and the signs people put between them; anything else is not a typed number.
_TYPED = re.compile(r"\s*(tel:)?\+?[\d\s().\-/\u00a0\u2010-\u2015]+", re.IGNORECASE)


class PhoneType(StrEnum):
    MOBILE = "mobile"
    HOME = "home"
    WORK = "work"
    OTHER = "other"
    SYSTEM = "system"  # a number of ours, shown on its holder's record; never texted (D8)


@dataclass(frozen=True, slots=True)
class BadNumber:
    """Why a typed number cannot be used, as a sentence for the person who typed it."""

    message: str


def parse(text: str, region: str) -> str | BadNumber:
    """The E.164 form of a typed number ("+15125550147").

    `region` (ISO 3166, "US") is where a number without "+" belongs. Refused: letters, extensions
    (they are lost in E.164), emergency and premium numbers, and what no numbering plan knows.

    Source: reference/protocol.md 7, reliability.md A10
    """
    typed = text.strip()
    if typed in _EMERGENCY:
        return BadNumber(f"{typed} is an emergency number.")
    if re.search(r"(x|ext(ension|\.)?|;ext=|#)\s*\d+\s*$", typed, re.IGNORECASE):
        return BadNumber("A number with an extension cannot get texts. Leave the extension out.")
    if not _TYPED.fullmatch(typed):
        return BadNumber("Write the number with digits, such as (512) 555-0147 or +15125550147.")
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return BadNumber(f"{typed} is not a phone number.")
    if not phonenumbers.is_possible_number(number):
        return BadNumber(f"{typed} has too many or too few digits for a phone number.")
    if not phonenumbers.is_valid_number(number):
        return BadNumber(f"{typed} is not a number that is in use.")
    if phonenumbers.number_type(number) is PhoneNumberType.PREMIUM_RATE:
        return BadNumber(f"{typed} is a premium number and cannot get texts.")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def is_e164(address: str) -> bool:
    """False for a short code, an alphanumeric sender or an anonymous caller: no answer arrives."""
    return bool(_E164.fullmatch(address)) and address != ANONYMOUS


def pretty(address: str, region: str) -> str:
    """As people of `region` write it: "(512) 555-0147", "+44 7911 123456" for a foreign number.

    What is no phone number, or one of no known country, stays as it came.
    """
    if not is_e164(address):
        return address or "Unknown number"
    try:
        number = phonenumbers.parse(address)
    except phonenumbers.NumberParseException:
        return address
    home = number.country_code == phonenumbers.country_code_for_region(region)
    return phonenumbers.format_number(
        number, PhoneNumberFormat.NATIONAL if home else PhoneNumberFormat.INTERNATIONAL
    )
