"""Keywords: what a text says about consent, by its words alone.

A keyword is the whole message, however it is dressed up (D15). A message that asks to stop in other
words is never guessed: it is `VAGUE_STOP`, and a person decides (D20).
"""

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum


class Keyword(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"
    VAGUE_STOP = "vague_stop"  # may be an opt-out: ask
    NONE = "none"


STOP_WORDS = frozenset({"stop", "stopall", "stop all", "unsubscribe", "cancel", "end", "quit"})
STOP_WORDS |= {"revoke", "optout", "opt out"}
START_WORDS = frozenset({"start", "unstop"})
HELP_WORDS = frozenset({"help", "info"})

# The letters of a slip, such as "sto p" and "un-subscribe".
_MISTYPED = {"stop", "stopall", "stpo", "sotp", "optout", "unsubscribe", "unsuscribe", "unsubcribe"}


def classify(
    body: str,
    *,
    stopped_here: bool,
    provider_says: Keyword | None = None,
    more_stop: Iterable[str] = (),
    more_start: Iterable[str] = (),
) -> Keyword:
    """What the message says.

    `stopped_here`: the number is DISABLED by its own STOP, so that YES means START (D15).
    `provider_says`: the provider's OptOutType, which wins. `more_*`: the institution's own words.
    """
    if provider_says:
        return provider_says
    words = _words(body)
    if not words:  # emoji and punctuation alone say nothing
        return Keyword.NONE
    if words in STOP_WORDS or words in map(_words, more_stop):
        return Keyword.STOP
    if (
        words in START_WORDS
        or (words == "yes" and stopped_here)
        or words in map(_words, more_start)
    ):
        return Keyword.START
    if words in HELP_WORDS:
        return Keyword.HELP
    return Keyword.VAGUE_STOP if _is_vague_stop(body) else Keyword.NONE


def _words(body: str) -> str:
    """The words alone, NFKC and case folded, one space between them: "Opt-Out!" is "opt out"."""
    text = unicodedata.normalize("NFKC", body).casefold()
    return " ".join("".join(c if _is_word(c) else " " for c in text).split())


def _is_word(character: str) -> bool:
    kind = unicodedata.category(character)
    if kind in ("Mn", "Mc"):  # vowel signs of some scripts; the others only colour an emoji
        return not "\ufe00" <= character <= "\ufe0f"
    return kind[0] in "LN"


# Asking in other words. The patterns read one sentence at a time: lower case, no accents, no
# apostrophes ("dont"), single spaces, commas and colons kept.


def _unless_after(words: str, verb: str) -> str:
    """`verb` where it is a request: not in "the bus stop text me" or "why don't you text me"."""
    return f"(?={verb})" + "".join(f"(?<!\\b{word} )" for word in words.split()) + verb


_WHAT = "(?:me|us|my|this|the|these|those|your|sending|getting|receiving|any|all|more|with)"
_TEXTS = "(?:texts|text messages?|messages|msgs|sms|notifications|alerts|reminders|spam)"
_WRITING = "(?:(?:text|messag|contact|spamm|bother|harass|bugg|annoy|call)ing)"
_COURTESY = "(?:please|pls|plz|thanks|thank you|now|already|immediately|asap)"
_STOP = _unless_after(
    "bus train next last first my the a cant dont didnt wont never not",
    "(?:stop|quit|cease|end|cancel)",
)
_DONT = _unless_after("i you u they we he she it who why people parents if", "(?:do not|dont)")
_OPT_OUT = _unless_after("not didnt dont never", "(?:opt ?out|unsubscribe)")
_NO_MORE = _unless_after("have got are", "no more")

_WHOLE_SENTENCE = (
    rf"(?:(?:{_COURTESY}|ok|okay|hey|hi|no|just|so|and|seriously|can|could|would|will|you|u"
    r"|i said)[ ,:]+)*(?:stop|unsubscribe|opt ?out)"
    rf"(?:[ ,:]+(?:{_COURTESY}|it|this|that|me|all|everything|stop|ok|okay))*",
    r"(?:ya )?(?:por favor,? )?no mas(?:,? (?:por favor|gracias))?",
    r"(?:por favor,? )?(?:ya )?(?:alto|basta|para|pare|paren|parar|cancelar|detener)"
    r"(?:,? (?:ya|por favor))?",
    r"arret(?:er?|ez)?(?: sil vous plait| svp)?",
)
_ANYWHERE = (
    rf"{_STOP} (?:{_WHAT} )*(?:{_WRITING}|{_TEXTS}|text|message|notif\w*)\b",
    rf"{_STOP} send(?:ing)?(?: (?:me|us|this|these|those|it|stuff|your)\b|$)",
    rf"{_STOP} (?:writ(?:e|ing)(?: to)?|contact) (?:me|us)\b",
    rf"{_STOP} (?:getting|receiving)(?: (?:this|these|those|them))?$",
    rf"{_DONT} (?:ever |please )?(?:text|messag|msg|contact|writ)(?:e|ing)?(?: to)?"
    r"(?: (?:me|us|this|here|again|any ?more)\b|$)",
    rf"{_DONT} (?:ever |please )?send (?:me|us)\b(?! to\b)",
    r"never (?:text|message|contact|write|call)(?: to)? (?:me|us|this number) again\b",
    rf"{_NO_MORE} (?:{_WHAT} )*(?:{_WRITING}|{_TEXTS})\b",
    r"(?:dont|do not|no longer) (?:want|wish|need|care)"
    rf"(?: (?:to|get|receive|for|{_WHAT}))* {_TEXTS}\b",
    r"(?:dont|do not|no longer) (?:want|wish) to be (?:text|messag|contact)ed\b",
    rf"(?:want|like) (?:(?:you|this|it|these|them) )?to stop(?: {_COURTESY})?$",
    rf"{_OPT_OUT}(?: {_COURTESY})?$",
    rf"opt(?:ing)? out of (?:{_WHAT} )*(?:{_WRITING}|{_TEXTS})\b",
    r"(?:opt (?:me|us) out|unsubscribe (?:me|us|from)|revok\w+ (?:my )?consent)\b",
    rf"(?:remove|delete) (?:me|my number|this number)(?: {_COURTESY})?$",
    r"(?:remove|delete|take) (?:me|my number|this number) (?:off|from|out of)"
    r"(?: (?:all|any|your|the|this|these))*"
    r"(?: (?:text|messag|sms|contact|mailing|phone|list|group|thread)|$)",
    r"(?:leave me alone|lose (?:my|this) number)\b",
    r"no (?:quiero )?(?:recibir )?mas (?:mensajes|textos|sms)\b",
    r"no me (?:envi(?:e|es|en)|mand(?:e|es|en)|escrib(?:a|as|an)|texte(?:e|es|en))\b",
    r"dej(?:a|e|en|ar) de (?:enviar|mandar|molestar|texte|escribir(?:me|nos))",
)
_VAGUE = re.compile(rf"^(?:{'|'.join(_WHOLE_SENTENCE)})$|\b(?:{'|'.join(_ANYWHERE)})")


def _is_vague_stop(body: str) -> bool:
    folded = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", body).casefold())
    text = "".join(c for c in folded if not unicodedata.combining(c) and c not in "'’‘`´")
    letters = re.sub(r"[\W_]+", "", text)
    if letters in _MISTYPED or re.fullmatch("s+t+o+p+", letters):
        return True
    sentences = re.split(r"[.;!?\n]+", re.sub(r"[^\w.,:;!?\n]|_", " ", text))
    return any(_VAGUE.search(" ".join(sentence.split())) for sentence in sentences)
