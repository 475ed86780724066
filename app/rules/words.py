"""Words: what people read for every status, reason and step. One place, so that all pages agree.

Source: shared wording of the design language (statuses and reasons); D31, D32, D41
"""

from dataclasses import dataclass

from app.rules.codes import look_up
from app.rules.dispatch import Step
from app.rules.keywords import Keyword
from app.rules.lifecycle import Status
from app.rules.limits import ONLY_ANSWERS
from app.rules.phones import pretty
from app.rules.reasons import Reason


@dataclass(frozen=True, slots=True)
class StatusWords:
    """`tone`: plain | text (green) | mail (blue) | warn (amber) | bad (red)."""

    word: str
    icon: str
    meaning: str
    tone: str = "plain"


TEXT_STATUS: dict[Status, StatusWords] = {
    Status.HELD: StatusWords(
        "Held", "calendar-clock", "Waits for its time. You can edit or cancel it."
    ),
    Status.QUEUED: StatusWords("Queued", "clock", "Next in line."),
    Status.SENDING: StatusWords("Sending", "arrow-up", "Being handed to the provider."),
    Status.UNCONFIRMED: StatusWords(
        "Unconfirmed",
        "circle-help",
        "The provider did not answer clearly. We are asking, and will not send it twice.",
        "warn",
    ),
    Status.ACCEPTED: StatusWords(
        "Accepted", "check", "The provider has it. No word from the phone company yet."
    ),
    Status.SENT: StatusWords("Sent", "check", "With the phone company. Arrival not confirmed yet."),
    Status.TIMED_OUT: StatusWords(
        "Timed out", "clock-alert", "No delivery report in 72 hours. It may have arrived.", "warn"
    ),
    Status.CANCELED: StatusWords("Canceled", "ban", "Stopped before it went."),
    Status.REJECTED: StatusWords(
        "Rejected", "circle-slash", "The provider refused it and will not try again.", "bad"
    ),
    Status.FAILED: StatusWords("Failed", "circle-x", "A technical problem stopped it.", "bad"),
    Status.UNDELIVERED: StatusWords(
        "Undelivered", "circle-x", "The phone company could not hand it over.", "bad"
    ),
    Status.DELIVERED: StatusWords("Delivered", "check-check", "The phone confirmed it.", "text"),
    Status.READ: StatusWords("Read", "check-check", "It was opened on the phone.", "text"),
    Status.NOT_SENT: StatusWords(
        "Not sent", "message-circle-off", "Never left. The reason is beside it.", "warn"
    ),
    Status.RECEIVED: StatusWords("Received", "corner-down-left", "From the student."),
}

EMAIL_STATUS: dict[Status, StatusWords] = {
    Status.QUEUED: StatusWords("Email queued", "mail", "Next in line for the mail server.", "mail"),
    Status.SENDING: StatusWords("Email queued", "mail", "Being handed to the mail server.", "mail"),
    Status.SENT: StatusWords("Email sent", "mail", "Went by email instead.", "mail"),
    Status.FAILED: StatusWords("Email failed", "mail", "The email came back.", "bad"),
}


@dataclass(frozen=True, slots=True)
class Names:
    """Who and what a sentence is about."""

    person: str  # first name, or the number where nobody is known
    institution: str
    kind: str = "student"
    region: str = "US"  # how numbers are written
    default_type: str = "mobile"

    @property
    def kinds(self) -> str:
        """The plural of the kind of person; "people" where the kind is not known."""
        fixed = {"staff": "staff", "unknown": "people", "people": "people"}
        return fixed.get(self.kind, f"{self.kind}s")


def why_not_text(reason: Reason, names: Names, detail: str = "") -> str:
    """The rest of "Went by email: …" and "because …"; no capital, no final stop."""
    number = pretty(detail, names.region) if detail.startswith("+") else detail
    sentences = {
        Reason.SMS_DISABLED: f"texting is switched off for {names.institution}",
        Reason.NO_PHONE: f"{names.person} has no phone on record",
        Reason.OPTED_OUT: f"{names.person} opted out of texts",
        Reason.DISABLED_BY_STAFF: "texts were switched off for this number by staff",
        Reason.NUMBER_INVALID: f"{number or 'the number'} cannot get texts",
        Reason.OPTED_OUT_BY_DEFAULT: (
            f"{names.kinds} here get texts only after opting in, and {names.person} has not"
        ),
        Reason.NO_TEXTABLE_PHONE: (
            f"no phone of {names.person} is of the type that is texted ({names.default_type})"
        ),
        Reason.CARRIER_BLOCKED: (
            f"the phone company blocks your number for {names.person}; "
            "texting START to it lifts that"
        ),
        Reason.NUMBER_LIMIT_REACHED: "all allowed numbers are in use",
        Reason.POOL_EMPTY: "no number is free",
        Reason.MESSAGE_LIMIT_REACHED: "the month’s text limit was reached",
        Reason.INVALID_REPRESENTATIVE: f"{detail or 'the org unit'} has no valid representative",
        Reason.DELIVERY_FAILED: "the text could not be delivered"
        + (f" ({look_up(detail).meaning.lower()})" if detail else ""),
    }
    return sentences.get(reason, "it was sent as an email")


# For a list of reasons with a count beside each.
REASON_IN_SHORT: dict[Reason, str] = {
    Reason.SMS_DISABLED: "Texting switched off",
    Reason.NO_PHONE: "No phone on record",
    Reason.OPTED_OUT: "Opted out",
    Reason.DISABLED_BY_STAFF: "Switched off by staff",
    Reason.NUMBER_INVALID: "Number cannot get texts",
    Reason.OPTED_OUT_BY_DEFAULT: "Not opted in yet",
    Reason.NO_TEXTABLE_PHONE: "No phone of the type that is texted",
    Reason.CARRIER_BLOCKED: "Blocked by the phone company",
    Reason.NUMBER_LIMIT_REACHED: "All allowed numbers in use",
    Reason.POOL_EMPTY: "No number free",
    Reason.MESSAGE_LIMIT_REACHED: "Limit of the month reached",
    Reason.DELIVERY_FAILED: "Text not delivered",
    Reason.INVALID_REPRESENTATIVE: "No valid representative of the org unit",
}

# What the person who gets the email reads, after "This came as an email because".
TO_RECIPIENT: dict[Reason | None, str] = {
    Reason.SMS_DISABLED: "our texting is switched off at the moment",
    Reason.NO_PHONE: "we have no phone number of yours",
    Reason.OPTED_OUT: "you opted out of texts. To get texts again, text START to our number",
    Reason.DISABLED_BY_STAFF: "texts to your number are switched off",
    Reason.NUMBER_INVALID: "the number we have of yours cannot get texts",
    Reason.OPTED_OUT_BY_DEFAULT: "you have not asked for texts",
    Reason.NO_TEXTABLE_PHONE: "we have no number of yours that gets texts",
    Reason.CARRIER_BLOCKED: "your phone company blocks our number. To lift that, text START to it",
    Reason.DELIVERY_FAILED: "a text to your phone could not be delivered",
    None: "it was sent as one",
}
_TO_RECIPIENT_ELSE = "it could not be sent as a text"


def why_email(reason: Reason | None) -> str:
    """For the recipient: nothing about our limits and numbers, which are not their business."""
    return TO_RECIPIENT.get(reason, _TO_RECIPIENT_ELSE)


# Our answers to keywords; {institution} and {contact} are filled in (D21).
KEYWORD_REPLIES = {
    Keyword.STOP: (
        "{institution}: you are opted out and will get no more texts. "
        "Reply START to get them again."
    ),
    Keyword.START: "{institution}: you will get texts again. Reply HELP for help, STOP to stop.",
    Keyword.HELP: "{institution}: texts from our staff. Help: {contact}. Reply STOP to stop.",
}

ACCOUNT_STOPPED_SUBJECT = "Texting stands still: {reason}"
ACCOUNT_STOPPED_BODY = (
    "The provider account of {institution} was stopped: {reason}.\n\n"
    "No text is lost: those that were written wait, and new ones go by email, until the account is "
    "saved again with credentials that work (replyline provider add)."
)

HOOK_PAUSED_SUBJECT = "{host} is told nothing any more"
HOOK_PAUSED_BODY = (
    "The webhook of {institution} to {host} was paused. The last try: {reason}.\n\n"
    "Once the other system is well, resume it under Settings, Webhooks. What it missed is listed "
    "there and can be sent again."
)

NO_NUMBER_SUBJECT = "{name} could not text for want of a number"
NO_NUMBER_BODY = (
    "A message of {name} at {institution} {went}: {reason}.\n\n"
    "Whoever has a number keeps texting. Others can again when numbers are added to the pool, the "
    "limit is raised, or numbers that lie idle are taken back: see Settings, Twilio.\n\n"
    "You are told about this at most once a day."
)

SUMMARY_SUBJECT = "{institution}: {out} texts out, {in} in last week"
SUMMARY_BODY = (
    "{week} at {institution}; the week before in brackets.\n\n"
    "Texts out: {out} ({out_before})\nTexts in: {in} ({in_before})\nDelivered: {delivered}\n"
    "By email instead: {instead}\nOpt-outs: {opt_outs}\nAnswered: {answered}\n\n"
    "This month: {month}\n\nMore: {link}\n\n"
    "Your profile switches this summary off: {profile}"
)

# Conversations that nobody has claimed; {where} is an org unit, or the institution.
UNCLAIMED_SUBJECT = "{waits} unclaimed in {where}"
UNCLAIMED_BODY = (
    "Nobody has claimed {what} in {where} for {hours}:\n\n{list}"
    "Claim and answer: {link}\n\n{note}"
    "You are told once about each text. After how long is set under Settings, General Settings."
)
UNCLAIMED_BY_NOBODY_BODY = (
    "Nobody has claimed {what} in {where} for {hours}, and nobody can: no one who may answer texts "
    "reads the conversations there.\n\n{list}"
    "Give somebody a role that answers texts and reads these conversations: {staff}\n\n{note}"
    "You are told once about each text. After how long is set under Settings, General Settings."
)
UNCLAIMED_NOTE = (
    "You get this because {where} has no representative who can answer for it "
    "(Invalid representative for unit). Whoever manages staff chooses one: {page}\n\n"
)

LIMIT_SUBJECT = "{level}% of the texts of {month} are used"
LIMIT_BODY = (
    "{institution} has used {used} of the {limit} {unit} that are allowed in {month}.\n\n"
    "When the limit is reached, messages go by email until the next month begins. Whoever has "
    "agreed on a higher limit can set it under Settings, General Settings, Limits."
)
LIMIT_REACHED_SUBJECT = "The limit of {month} is reached: messages go by email"
LIMIT_REACHED_BODY = (
    "{institution} has used all {limit} {unit} that are allowed in {month}.\n\n"
    "Until the next month begins, messages go by email, answers too. A higher limit can be set "
    "under Settings, General Settings, Limits; it holds from then on."
)


ONLY_ANSWERS_SUBJECT = "Only answers still go as texts in {month}"
ONLY_ANSWERS_BODY = (
    "{institution} has used {used} of the {limit} {unit} that are allowed in {month}. The last "
    "{kept} are kept for answers.\n\n"
    "Until the next month begins, other messages go by email. A higher limit, or how many are kept "
    "for answers, can be set under Settings, General Settings, Limits; it holds from then on."
)


def limit_letter(level: int) -> tuple[str, str]:
    """Subject and body of the email about one of the levels."""
    if level == ONLY_ANSWERS:
        return ONLY_ANSWERS_SUBJECT, ONLY_ANSWERS_BODY
    if level < 100:
        return LIMIT_SUBJECT, LIMIT_BODY
    return LIMIT_REACHED_SUBJECT, LIMIT_REACHED_BODY


# By purpose of the link: subject and body. {by} invites, {until} is when the link ends.
PASSWORD_MAILS = {
    "invite": (
        "{by} invited you to text for {institution}",
        "Hello {name},\n\n{by} made an account for you at Replyline, with which staff of "
        "{institution} text students. Choose a password to begin:\n\n{link}\n\n"
        "The link works once, until {until}. After that, ask {by} to send it again.",
    ),
    "reset": (
        "Choose a new password",
        "Hello {name},\n\nhere you choose a new password for Replyline at {institution}:"
        "\n\n{link}\n\nThe link works once, until {until}. "
        "If you did not ask for it, nothing has changed and you can delete this mail.",
    ),
}

NO_EMAIL = "there is no email address either"
MAY_NOT_START = "Your role may answer texts but not start them."

_WHY_PHONE = {
    Reason.ENABLED_PHONE: "this phone is SMS Enabled",
    Reason.DEFAULT_PHONE: "no phone is SMS Enabled, so the default one is used",
    Reason.CHOSEN_PHONE: "you chose this phone",
    Reason.REPLY: "a reply goes back to the number that wrote",
}

_QUESTIONS = {
    "texting": "Is texting switched on?",
    "phone": "Which phone?",
    "carrier": "Does the phone company let it through?",
    "number": "From which number?",
    "limit": "Room under the month’s limit?",
    "email": "Is there an email address?",
    "automatic": "Who wrote it?",
    "written_to": "Which number of ours did they write to?",
    "representative": "Who stands for the org unit?",
}


def question(step: Step) -> str:
    return _QUESTIONS.get(step.rule, step.rule)


def answer(step: Step, names: Names) -> str:
    """The answer of one step as a sentence."""
    detail = pretty(step.detail, names.region) if step.detail.startswith("+") else step.detail
    fixed = {
        ("texting", "on"): f"Yes, for {names.institution}.",
        ("texting", "email_chosen"): "An email was asked for.",
        ("carrier", "not_blocked"): f"Yes, {detail} is not blocked.",
        ("number", "own"): f"{detail}.",
        ("number", "first_text"): f"{detail}, which becomes yours with this text.",
        ("number", "shared"): f"{detail}, the one that they wrote to.",
        ("written_to", "shared"): f"One that {detail} shares.",
        ("written_to", "not_theirs"): f"One that {detail} shares, for those who answer for it.",
        ("limit", "room"): f"Yes: {detail} used.",
        ("limit", "unlimited"): "There is no limit.",
        ("email", "address"): f"{detail}.",
        ("email", "no_email"): "No.",
        ("automatic", "unclaimed"): "Nobody: a text that no one holds is answered once.",
        ("representative", "stands"): f"{detail}.",
    }.get((step.rule, step.result))
    if fixed:
        return fixed
    if step.result in _WHY_PHONE:
        return f"{detail}: {_WHY_PHONE[Reason(step.result)]}."
    if step.result == Reason.MESSAGE_LIMIT_REACHED:
        return f"No: {detail} used."
    sentence = why_not_text(Reason(step.result), names, step.detail)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def meaning_of(code: str | None) -> str:
    """What a provider's code means, with the code: "Phone off or out of reach (30003)"."""
    return f"{look_up(code).meaning} ({code})" if code else ""
