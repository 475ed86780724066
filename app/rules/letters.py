"""Letters: the two emails whose words an institution may change, and the fields they may hold."""

import re
from dataclasses import dataclass

from app.rules.texts import fill


@dataclass(frozen=True, slots=True)
class Letter:
    """The words of one email. `subject` and `body` hold fields such as {name}."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Kind:
    """`fields`: what may stand in it → an example of what is put there. `must`: the field without
    which the email says nothing."""

    fields: dict[str, str]
    must: str


KINDS: dict[str, Kind] = {
    "reply_notice": Kind(
        {
            "name": "Maya Torres",
            "time": "9:42 AM on November 20",
            "text": "Can I come by at 3 instead?",
            "link": "",  # of this deployment
            "institution": "",
        },
        "link",
    ),
    "fallback_email": Kind(
        {
            "text": "Your advising appointment moved to Tuesday at 8:30. Does that work?",
            "sender": "",
            "institution": "",
            "reason": "we have no number of yours that gets texts",
        },
        "text",
    ),
}


def written(letter: Letter, fields: dict[str, str]) -> Letter:
    """The email as it goes out; every mail of these kinds is made here."""
    return Letter(fill(letter.subject, fields), fill(letter.body, fields))


def unknown_fields(kind: str, letter: Letter) -> list[str]:
    """Fields in braces that mean nothing: they would go out as they are typed."""
    found = re.findall(r"\{(\w+)\}", f"{letter.subject}\n{letter.body}")
    return [name for name in dict.fromkeys(found) if name not in KINDS[kind].fields]


def lacks(kind: str, letter: Letter) -> str | None:
    """The one field without which the email says nothing, where it is missing."""
    must = KINDS[kind].must
    return None if f"{{{must}}}" in letter.subject + letter.body else must
