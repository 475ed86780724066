"""Emails: from what people type to an address in its plain form."""

from dataclasses import dataclass

from email_validator import EmailNotValidError, validate_email


@dataclass(frozen=True, slots=True)
class BadEmail:
    """Why a typed address cannot be used, as a sentence for the person who typed it."""

    message: str


def plain(address: str) -> str | BadEmail:
    """The address, lower case. Whether somebody reads there is not looked up."""
    try:
        found = validate_email(address.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        return BadEmail(f"This is not an email address: {error}")
    return found.normalized.lower()
