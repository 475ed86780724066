"""TwiML: the texts that an answer to an inbound webhook asks for."""

from dataclasses import dataclass
from xml.etree import ElementTree

from app.carrier.webhooks import Answer

_XML = {"text/xml", "application/xml"}


class BadTwiml(Exception):
    """`code` is Twilio's error code, as its debugger and the fallback address get it."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Reply:
    body: str
    to: str | None  # None: whoever wrote
    sender: str | None  # None: the number that was written to


def replies(answer: Answer) -> list[Reply]:
    """The texts to send. Raises BadTwiml, also for an answer that never came."""
    if answer.failure:
        raise BadTwiml(11200 if answer.status else 11205)
    if not answer.body.strip():
        return []
    if answer.content_type not in _XML:
        raise BadTwiml(12300)
    try:
        root = ElementTree.fromstring(answer.body)  # noqa: S314 - Replyline is no stranger
    except ElementTree.ParseError:
        raise BadTwiml(12100) from None
    return [
        Reply(_body(element), element.get("to"), element.get("from"))
        for element in root.iter("Message")
    ]


def _body(message: ElementTree.Element) -> str:
    parts = [part.text or "" for part in message.iter("Body")]
    return "".join(parts or [message.text or ""]).strip()
