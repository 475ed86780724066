"""Words: the opt-out keywords that Twilio obeys by itself, and its usual answers.

Source: reference/protocol.md 2.1
"""

from enum import StrEnum


class Keyword(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"


_SPELLINGS = {
    Keyword.STOP: "STOP STOPALL UNSUBSCRIBE CANCEL END QUIT REVOKE OPTOUT",
    Keyword.START: "START YES UNSTOP",
    Keyword.HELP: "HELP INFO",
}
_WORDS = {word: meaning for meaning, words in _SPELLINGS.items() for word in words.split()}

ANSWERS = {
    Keyword.STOP: "You have successfully been unsubscribed. You will not receive any more messages"
    " from this number. Reply START to resubscribe.",
    Keyword.START: "You have successfully been re-subscribed to messages from this number."
    " Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    Keyword.HELP: "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def keyword(body: str) -> Keyword | None:
    """The keyword that the whole text is; "stop please" is none, as at Twilio."""
    return _WORDS.get(body.strip().upper())
