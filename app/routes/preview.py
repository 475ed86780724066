"""Preview: what will happen to a message that is being written, as the box to write in shows it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.rules import words
from app.rules.access import Can, Viewer
from app.rules.dispatch import (
    Channel,
    Decision,
    Facts,
    Refuse,
    SendEmail,
    SendSms,
    Step,
    decide,
)
from app.rules.phones import pretty
from app.rules.reasons import Reason
from app.rules.recipient import Phone, choose_phone, why_not
from app.rules.segments import PLAIN, Encoding, Segments, measure
from app.rules.words import Names
from app.services.deciding import Gathered
from app.services.emails import detail_of


@dataclass(frozen=True, slots=True)
class StepView:
    question: str
    answer: str
    deciding: bool
    href: str | None = None


# The setting behind a step: its page, and who may open it. What a person decided for themselves
# has none.
_GENERAL = (Can.SETTINGS_EDIT, Can.LIMITS_EDIT)
_SETTINGS: dict[str, tuple[str, tuple[Can, ...]]] = {
    "texting": ("/settings#sms_enabled", _GENERAL),
    "phone": ("/settings#student_default", _GENERAL),
    "number": ("/settings/twilio", (Can.NUMBERS_MANAGE, *_GENERAL)),
    "limit": ("/settings/twilio", (Can.NUMBERS_MANAGE, *_GENERAL)),
    "automatic": ("/settings#unclaimed_answer", (Can.SETTINGS_EDIT,)),
    "representative": ("/staff/units", (Can.STAFF_MANAGE,)),
}
_BY_DEFAULT = {Reason.DEFAULT_PHONE, Reason.OPTED_OUT_BY_DEFAULT, Reason.NO_TEXTABLE_PHONE}


def setting_of(step: Step, viewer: Viewer) -> str | None:
    """Where the setting that gave this answer is changed; None for who may not open it."""
    if step.rule == "phone" and step.result not in _BY_DEFAULT:
        return None
    if step.result == "email_chosen" or step.rule not in _SETTINGS:
        return None
    href, needs = _SETTINGS[step.rule]
    return href if any(viewer.can(need) for need in needs) else None


def step_views(
    steps: Sequence[Step], names: Names, reason: Reason | None, viewer: Viewer
) -> list[StepView]:
    """The step that gave the reason decided; else the last one that is not about email. It links to
    the setting behind it."""
    about = [n for n, step in enumerate(steps) if step.rule != "email"]
    gave = [n for n in about if steps[n].result == reason]
    deciding = (gave or about or [-1])[-1]
    return [
        StepView(
            words.question(step),
            words.answer(step, names),
            n == deciding,
            setting_of(step, viewer) if n == deciding else None,
        )
        for n, step in enumerate(steps)
    ]


@dataclass(frozen=True, slots=True)
class Costly:
    char: str
    plain: str | None
    text: str


@dataclass(frozen=True, slots=True)
class PhoneOption:
    id: int
    label: str
    textable: bool
    warning: str


@dataclass(frozen=True, slots=True)
class RouteView:
    """`channel`: "open" while it is not known who gets it. `phones`: all of the person's;
    `phone_id`: the chosen one, `usual_id`: the one that is taken where nobody chooses. `warning`:
    why the phone that it would go to cannot be texted, for its field (S4-37)."""

    channel: str
    headline: str
    to: str
    from_: str
    button: str
    counter: str
    costly: Costly | None
    added: str | None  # the first-contact line that the text will carry (D43)
    phones: list[PhoneOption]
    phone_id: int | None
    steps: list[StepView] = field(default_factory=list)
    usual_id: int | None = None
    warning: str = ""

    @property
    def choosable(self) -> bool:
        return any(phone.textable for phone in self.phones)


def undecided(headline: str, body: str) -> RouteView:
    """Before it is known who gets the message."""
    counter = _counter(measure(body))
    return RouteView("open", headline, "", "", "Send text", counter, None, None, [], None)


def route_view(
    gathered: Gathered,
    names: Names,
    body: str,
    phone_id: int | None,
    viewer: Viewer,
    *,
    fixed: bool = False,
) -> RouteView:
    """What will happen to the message that is being written, before it is sent. `fixed`: it goes
    to this phone or nowhere."""
    facts = gathered.facts
    decision = decide(facts)
    options = [_option(phone, facts, names) for phone in facts.phones if phone.id]
    usual = choose_phone(facts.phones, facts.defaults, reply_to=facts.reply_to).phone
    warning = _warning(facts, decision, options, phone_id, fixed, names)
    to = from_ = ""
    costly = None
    channel, button = decision.channel, "Send text"
    match decision:
        case _ if warning:  # D11: it cannot be picked, so nothing can be sent
            channel, headline = Channel.NONE, warning
            counter = _counter(facts.segments)
        case SendSms(phone=phone, sender=sender):
            to, from_ = (pretty(n, names.region) for n in (phone.e164, sender.number.e164))
            new = " (yours from this text on)" if sender.assign else ""
            headline = f"Text to {to} from your number {from_}{new}"
            if sender.shared:
                headline = f"Text to {to} from {from_}, which {sender.shared.unit} shares"
            counter, costly = _counter(facts.segments), _costly(body, facts.segments)
        case SendEmail(to=to):
            because = _because(decision.reason, decision.steps, names)
            headline = f"Email to {to}{', because ' + because if because else ''}"
            button, counter = "Send email", "No text used"
        case Refuse():
            because = _because(decision.reason, decision.steps, names)
            headline = f"Cannot be sent. {because[:1].upper()}{because[1:]}, and {words.NO_EMAIL}."
            counter = ""
    return RouteView(
        channel.value,
        headline,
        to,
        from_,
        button,
        counter,
        costly,
        gathered.first_contact if channel is Channel.SMS else None,
        options,
        phone_id,
        step_views(decision.steps, names, decision.reason, viewer),
        usual.id if usual else None,
        warning,
    )


def _warning(
    facts: Facts,
    decision: Decision,
    options: Sequence[PhoneOption],
    phone_id: int | None,
    fixed: bool,
    names: Names,
) -> str:
    """About the phone that was chosen, where another can be chosen or none is to be; about a bare
    number, which is the only one."""
    chosen = next((option for option in options if option.id == phone_id), None)
    if chosen and chosen.warning and fixed:
        return chosen.warning
    if chosen and chosen.warning and any(option.textable for option in options):
        return f"{chosen.warning} Choose another number."
    bare = facts.phones and not options
    about_phone = any(s.rule == "phone" and s.result == decision.reason for s in decision.steps)
    if bare and isinstance(decision, Refuse) and about_phone:
        return _option(facts.phones[0], facts, names).warning
    return ""


def _because(reason: Reason | None, steps: Sequence[Step], names: Names) -> str:
    return words.why_not_text(reason, names, detail_of(steps)) if reason else ""


def _counter(segments: Segments) -> str:
    texts = "1 text" if segments.parts == 1 else f"{segments.parts} texts"
    return f"{texts}, {segments.left} left"


def _costly(body: str, segments: Segments) -> Costly | None:
    """The character that makes the text cost more, where it does (UCS-2 halves a text)."""
    char = segments.costly
    if char is None or segments.encoding is not Encoding.UCS2 or segments.parts < 2:
        return None
    plain = PLAIN.get(char)
    without = measure(body.replace(char, plain or "")).parts
    instead = f" instead of {without}" if without < segments.parts else ""
    return Costly(char, plain, f"The {char} makes this {segments.parts} texts{instead}.")


def _option(phone: Phone, facts: Facts, names: Names) -> PhoneOption:
    reason = why_not(phone, facts.defaults)
    number = pretty(phone.e164, names.region)
    label = f"{number}, {phone.type.value}, SMS {phone.consent.status.value.capitalize()}"
    because = words.why_not_text(reason, names, phone.e164) if reason else ""
    warning = f"{number} cannot be texted: {because}." if reason else ""
    return PhoneOption(phone.id, label, reason is None, warning)
