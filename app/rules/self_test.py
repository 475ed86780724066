"""Self-test: what requests to our own webhooks prove, step by step.

Three carry a signature of the stored token, one that of another token, one none. What they say is
no text, so that nothing comes of the ones that are let in.

Source: C-31; reference/protocol.md 1.6
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

MARK = "X-Replyline"  # every answer to a webhook says in this header what it is
OK, NOT_ENOUGH, NOT_SIGNED = "ok", "bad_request", "bad_signature"  # what it says
_NOT_TRIED = "Not tried."


class Failure(StrEnum):
    """Why no answer came."""

    NO_NAME = "no_name"
    NO_CONNECTION = "no_connection"
    NOBODY = "nobody"
    CERTIFICATE = "certificate"
    SILENT = "silent"
    CUT = "cut"


_FAILED = {
    Failure.NO_NAME: "The name {host} is not known. Check its DNS entry.",
    Failure.NO_CONNECTION: "From this server no connection to {host} came about in time. A "
    "firewall may be in the way.",
    Failure.NOBODY: "From this server nothing answers at {host}. Check that the proxy runs, and "
    "its port.",
    Failure.CERTIFICATE: "The certificate of {host} is not valid, so Twilio does not call it "
    "either. Renew it, with its chain.",
    Failure.SILENT: "{host} took the request and did not answer in time.",
    Failure.CUT: "{host} cut the connection before it had answered.",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back of one request. `mark`: what our own answers say of themselves; "" = it is not
    one of ours. `failure`: nothing came back."""

    status: int = 0
    mark: str = ""
    sent_on_to: str = ""
    ms: int = 0
    failure: Failure | None = None

    @property
    def let_in(self) -> bool:
        """The signature was accepted."""
        return self.mark in (OK, NOT_ENOUGH)

    @property
    def refused(self) -> bool:
        """The signature was not accepted, by us."""
        return self.mark == NOT_SIGNED


@dataclass(frozen=True, slots=True)
class Step:
    """`tone`: text (well) | warn | bad | plain (not tried)."""

    name: str
    tone: str
    told: str


NAMES = (
    "The address",
    "The way there and back",
    "Signed with the stored token",
    "Signed with another token",
    "Not signed",
)


def address(url: str, *, loopback: bool, practice: bool) -> Step:
    """`practice`: the provider is on this machine, too."""
    if not loopback:
        return Step(NAMES[0], "text", f"Twilio is to call {url}.")
    if practice:
        return Step(NAMES[0], "text", f"{url} is on this machine, and so is the practice carrier.")
    told = f"{url} is on this machine, where Twilio cannot call it. Set PUBLIC_URL."
    return Step(NAMES[0], "bad", told)


def reached(url: str, answer: Answer) -> Step:
    name, host = NAMES[1], urlsplit(url).netloc
    if answer.failure:
        return Step(name, "bad", _FAILED[answer.failure].format(host=host))
    if 300 <= answer.status < 400:
        told = f"{host} sends the request on to {answer.sent_on_to or 'another address'}."
        return Step(name, "bad", f"{told} Twilio has to be answered at the address itself.")
    if not answer.mark:
        told = f"Something else than Replyline answers at {host}, with {answer.status}."
        return Step(name, "bad", f"{told} The proxy has to pass on what comes to /webhooks/.")
    if answer.status >= 500:
        told = f"Replyline answers {answer.status}: it cannot store anything just now."
        return Step(name, "bad", told)
    return Step(name, "text", f"Replyline answered after {answer.ms} ms.")


def accepted(answers: Mapping[str, Answer]) -> Step:
    """`answers`: by what comes to the address, such as "texts"."""
    wrong = [what for what, answer in answers.items() if not answer.let_in]
    if not wrong:
        return Step(NAMES[2], "text", f"Accepted: {_listed(list(answers))}.")
    if all(answers[what].refused for what in wrong):
        told = (
            f"Refused: {_listed(wrong)}. The address leads to another installation, or something "
            "on the way changes the path or the form."
        )
        return Step(NAMES[2], "bad", told)
    return Step(NAMES[2], "bad", f"It did not get through to Replyline: {_listed(wrong)}.")


def turned_away(name: str, answer: Answer) -> Step:
    if answer.let_in:
        told = "Accepted, so anybody could write texts in here. Ask whoever runs this server."
        return Step(name, "bad", told)
    if answer.refused:
        return Step(name, "text", "Refused, as it has to be.")
    if answer.failure or answer.status < 400:
        return Step(name, "warn", "There was no clear answer. Test once more.")
    return Step(name, "text", f"Refused with {answer.status} before it came to Replyline.")


def steps(
    url: str,
    *,
    loopback: bool,
    practice: bool,
    signed: Mapping[str, Answer],
    foreign: Answer | None,
    unsigned: Answer | None,
) -> list[Step]:
    """All steps in their order. `signed`: the answers by what comes to the address, the first one
    tells whether it is reached; `foreign`, `unsigned` None: not tried."""
    first = next(iter(signed.values()))
    found = [address(url, loopback=loopback, practice=practice), reached(url, first)]
    if foreign is None or unsigned is None:
        return found + [Step(name, "plain", _NOT_TRIED) for name in NAMES[2:]]
    return [
        *found,
        accepted(signed),
        turned_away(NAMES[3], foreign),
        turned_away(NAMES[4], unsigned),
    ]


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if names[:-1] else "") + names[-1]
