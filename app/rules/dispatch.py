"""Dispatch: how one message travels, and why. Nothing else decides (D30).

The compose box, the dry run, the send, the log and every "Why?" show the one value made here. It is
made from facts alone: nothing is assigned or reserved by deciding.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from app.rules.limits import MonthUsage, has_room
from app.rules.reasons import Reason
from app.rules.recipient import Defaults, Phone, choose_phone
from app.rules.segments import Segments
from app.rules.sender import Sender, SenderFacts, choose_sender


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a decision may depend on.

    `reply_to`: contact id of the thread's last inbound text. `chosen`: phone id picked by hand.
    `email`: the person's usable address. `wants_email`: the writer asked for an email.
    """

    texting_on: bool  # switched on for the institution, and its provider account works
    phones: tuple[Phone, ...]
    defaults: Defaults
    sender: SenderFacts
    usage: MonthUsage
    segments: Segments
    email: str | None = None
    reply_to: int | None = None
    chosen: int | None = None
    wants_email: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One question of the decision and its answer, by name; `words` makes sentences of them.

    `detail`: what the answer is about, such as a number or "700 of 700".
    """

    rule: str  # texting | phone | written_to | representative | carrier | number | limit | email
    result: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class SendSms:
    phone: Phone
    sender: Sender
    reason: Reason
    segments: int
    steps: tuple[Step, ...] = ()
    channel: Channel = field(default=Channel.SMS, init=False)


@dataclass(frozen=True, slots=True)
class SendEmail:
    """`reason` is None where the writer asked for an email."""

    to: str
    reason: Reason | None
    steps: tuple[Step, ...] = ()
    channel: Channel = field(default=Channel.EMAIL, init=False)


@dataclass(frozen=True, slots=True)
class Refuse:
    """Neither a text nor an email is possible; `reason` says why it is not a text."""

    reason: Reason | None
    steps: tuple[Step, ...] = ()
    channel: Channel = field(default=Channel.NONE, init=False)


Decision = SendSms | SendEmail | Refuse


def decide(facts: Facts) -> Decision:
    """The one decision. The reasons are tried in the order of D30; the first that holds is it."""
    steps: list[Step] = []
    found = None if facts.wants_email else _as_text(facts, steps)
    if isinstance(found, SendSms):
        return found
    if facts.wants_email:
        steps.append(Step("texting", "email_chosen"))
    if facts.email:
        return SendEmail(facts.email, found, (*steps, Step("email", "address", facts.email)))
    return Refuse(found, (*steps, Step("email", "no_email")))


def _as_text(facts: Facts, steps: list[Step]) -> SendSms | Reason:
    """The text, or the reason why there is none. Leaves its way in `steps`."""
    if not facts.texting_on:
        return _stop(steps, "texting", Reason.SMS_DISABLED)
    steps.append(Step("texting", "on"))

    choice = choose_phone(
        facts.phones, facts.defaults, reply_to=facts.reply_to, chosen=facts.chosen
    )
    if choice.phone is None:
        return _stop(steps, "phone", choice.reason, choice.about)
    steps.append(Step("phone", choice.reason, choice.phone.e164))

    sender = choose_sender(facts.sender)
    if sender is Reason.INVALID_REPRESENTATIVE and facts.sender.shared:
        return _stop(steps, "representative", sender, facts.sender.shared.unit)
    if isinstance(sender, Reason):
        return _stop(steps, "number", sender)
    if sender.shared:
        steps.append(Step("written_to", "shared", sender.shared.unit))
        steps.append(Step("representative", "stands", sender.shared.representative or ""))
    elif facts.sender.shared:
        steps.append(Step("written_to", "not_theirs", facts.sender.shared.unit))
    if choice.phone.contact_id in sender.number.blocks:
        return _stop(steps, "carrier", Reason.CARRIER_BLOCKED, sender.number.e164)
    steps.append(Step("carrier", "not_blocked", sender.number.e164))
    steps.append(Step("number", _whose(sender), sender.number.e164))

    room = _room(facts.usage)
    if not has_room(facts.usage, facts.segments.parts):
        return _stop(steps, "limit", Reason.MESSAGE_LIMIT_REACHED, room)
    steps.append(Step("limit", "room" if room else "unlimited", room))
    return SendSms(choice.phone, sender, choice.reason, facts.segments.parts, tuple(steps))


def _whose(sender: Sender) -> str:
    if sender.shared:
        return "shared"
    return "first_text" if sender.assign else "own"


def _room(usage: MonthUsage) -> str:
    if usage.open is None:
        return ""
    kept = f" (without {usage.kept} kept for answers)" if usage.kept else ""
    return f"{usage.used} of {usage.open}{kept}"


def _stop(steps: list[Step], rule: str, reason: Reason, detail: str = "") -> Reason:
    steps.append(Step(rule, reason, detail))
    return reason
