"""Person: one person as their page shows them. Words and icons are chosen here, markup is in the
templates."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

from app import clock
from app.models import Institution, PersonPhone
from app.routes import preview
from app.routes.filters import day
from app.routes.shown import list_row, person_lines
from app.rules import history, words
from app.rules.access import Can, Viewer
from app.rules.consent import DisabledBy, SmsStatus
from app.rules.dispatch import Refuse, SendEmail, SendSms
from app.rules.phones import pretty
from app.rules.reach import STOPPED
from app.rules.reasons import Reason
from app.rules.recipient import Defaults, Phone, choose_phone, why_not
from app.services.emails import detail_of
from app.services.inbox import Row
from app.services.person import Block, Entry, Outlook, Profile

MEANING = {
    "enabled": "Texts go to this number first.",
    "disabled": "Nothing is texted here. Messages go by email.",
}


@dataclass(frozen=True, slots=True)
class PhoneRow:
    """`verified`: who and when. `about`: the type, and what follows from its status."""

    id: int
    number: str
    type: str
    status: str
    about: str
    verified: str | None


@dataclass(frozen=True, slots=True)
class Ours:
    """A number of ours, which only texts (S3-31..S3-33)."""

    number: str
    about: str


@dataclass(frozen=True, slots=True)
class PersonView:
    """`write`: where the viewer may write to them: "new" or "thread"; None where not."""

    id: int
    name: str
    first: str
    kinds: str
    line: str
    opted_out: bool
    phones: list[PhoneRow]
    ours: list[Ours]
    thread: int | None
    write: str | None


def person_view(found: Profile, institution: Institution, viewer: Viewer) -> PersonView:
    person, thread = found.person, found.thread
    defaults = institution.defaults_for(person.kind.value)
    facts = [phone.facts() for phone, _ in found.phones]
    reply_to = thread.in_contact_id if thread else None
    texted = choose_phone(facts, defaults, reply_to=reply_to).phone
    kinds = words.Names("", "", person.kind.value).kinds
    wrote = thread is not None and thread.in_contact_id is not None and viewer.can(Can.TEXT_REPLY)
    return PersonView(
        person.id,
        person.name,
        person.given_name or person.name,
        kinds,
        _line(found),
        person.opted_out_at is not None,
        [phone_row(phone, by, defaults, texted, viewer) for phone, by in found.phones],
        _ours(found, viewer.region),
        thread.id if thread else None,
        "new" if viewer.may_start else "thread" if wrote else None,
    )


def _line(found: Profile) -> str:
    person = found.person
    parts = person_lines(person)
    if person.timezone:
        here = clock.now().astimezone(ZoneInfo(person.timezone))
        city = person.timezone.rpartition("/")[2].replace("_", " ")
        parts.append(f"{here:%-I:%M} {here:%p}".lower() + f" in {city}")
    if person.removed_at is not None:
        parts.append("removed by an import")
    advisors = " and ".join(advisor.name for advisor in found.advisors)
    return ", ".join(parts) + "." + (f" Advisor {advisors}." if advisors else "")


def _ours(found: Profile, region: str) -> list[Ours]:
    person = found.person
    own = [(found.ours, f"System. {person.name} texts from it.")] if found.ours else []
    theirs = [
        (a.number, f"System. {a.name}’s number for texts with {person.given_name}.")
        for a in found.advisors
        if a.number
    ]
    return [Ours(pretty(n, region), f"{about} It cannot take calls.") for n, about in own + theirs]


def phone_row(
    phone: PersonPhone, by: str | None, defaults: Defaults, texted: Phone | None, viewer: Viewer
) -> PhoneRow:
    number = phone.contact_number
    verified = None
    if phone.verified_at:
        verified = f"Verified by {by or 'somebody'}, {_on(phone.verified_at)}"
    type_ = phone.type.value.capitalize()
    follows = _follows(phone.facts(), defaults, texted)
    about = ". ".join(part for part in (type_, verified, follows) if part) + "."
    return PhoneRow(
        phone.id,
        pretty(number.e164, viewer.region),
        phone.type.value,
        number.status.value,
        about,
        verified,
    )


def _on(at: datetime) -> str:
    """September 2; today, yesterday."""
    name = day(at)
    return name.lower() if name in ("Today", "Yesterday") else name.partition(", ")[2]


def _follows(phone: Phone, defaults: Defaults, texted: Phone | None) -> str:
    """What the status of this phone means for the next text."""
    if texted is not None and phone.id == texted.id:
        return "Texts go here"
    if phone.consent.by in STOPPED:
        return "Opted out by text"
    if phone.consent.by is DisabledBy.STAFF:
        return "Switched off by staff"
    if phone.consent.by is DisabledBy.INVALID:
        return "Cannot get texts"
    if phone.consent.status is SmsStatus.ENABLED:
        return "May be texted, another one comes first"
    reason = why_not(phone, defaults)
    if reason is Reason.NO_TEXTABLE_PHONE:
        return "Not the default phone type, so never texted by default"
    if reason is Reason.OPTED_OUT_BY_DEFAULT:
        return "Not texted by default"
    return "May be texted by default, another one comes first"


# What may be done with one phone


@dataclass(frozen=True, slots=True)
class Choice:
    status: str
    word: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Change:
    """The card on which one phone is changed. `warning`: a lead and the rest; None without one."""

    phone: PhoneRow
    choices: list[Choice]
    warning: tuple[str, str] | None
    status: str
    reason: str = ""
    problem: str | None = None


def change_view(
    found: Profile,
    person: PersonView,
    phone: PersonPhone,
    blocks: Sequence[Block],
    institution: Institution,
    viewer: Viewer,
    form: dict[str, Any],
) -> Change:
    """`blocks`: the numbers of ours that the phone company blocks for this phone. `form`: what was
    typed."""
    opted_in = institution.defaults_for(found.person.kind.value).opted_in
    default = "staff" if person.kinds == "staff" else "student"
    follows = f"Follows the {default} default, which is opted {'in' if opted_in else 'out'}."
    choices = [
        Choice(status.value, history.STATUS[status], MEANING.get(status.value, follows))
        for status in (SmsStatus.ENABLED, SmsStatus.DISABLED, SmsStatus.DEFAULT)
    ]
    row = next(shown for shown in person.phones if shown.id == phone.id)
    return Change(
        row,
        choices,
        _warning(found, person.first, phone, blocks, viewer),
        form.get("status", row.status),
        form.get("reason", ""),
        form.get("problem"),
    )


def _warning(
    found: Profile, first: str, phone: PersonPhone, blocks: Sequence[Block], viewer: Viewer
) -> tuple[str, str] | None:
    at = found.person.opted_out_at or phone.contact_number.changed_at
    stopped = phone.contact_number.disabled_by in STOPPED
    lead = f"{first} opted out by text{f' {_on(at)}' if at else ''}." if stopped else ""
    numbers = [
        "your number" if b.holder == viewer.staff_id else pretty(b.number, viewer.region)
        for b in blocks
    ]
    rest = (
        f"The phone company still blocks {' and '.join(numbers)} until {first} texts START to it."
        if numbers
        else ""
    )
    return (lead, rest) if lead or rest else None


# The consent history


@dataclass(frozen=True, slots=True)
class Line:
    icon: str
    status: str
    where: str
    because: str
    at: datetime
    thread: int | None
    message: int | None
    id: int


def history_lines(entries: Sequence[Entry], first: str, region: str) -> list[Line]:
    """What happened to several numbers at once is one line."""
    lines = []
    for _, same in groupby(entries, key=_moment):
        together = list(same)
        lead = min(together, key=lambda e: e.entry.event == "person_opted_out")
        entry = lead.entry
        numbers = " and ".join(dict.fromkeys(pretty(e.number, region) for e in together))
        because = history.because(entry.event, first, entry.reason, lead.by)
        lines.append(
            Line(
                history.ICON[entry.to_status],
                history.STATUS[entry.to_status],
                f"for {numbers}, was {history.STATUS[entry.from_status].removeprefix('SMS ')}",
                because,
                entry.at,
                lead.thread,
                entry.message_id,
                together[-1].entry.id,
            )
        )
    return lines


def _moment(entry: Entry) -> tuple[object, ...]:
    found = entry.entry
    return (found.at, found.message_id, found.staff_id, found.to_status)


# The conversations


@dataclass(frozen=True, slots=True)
class Talk:
    id: int
    holder: str
    number: str
    last: str
    at: datetime


def talk(row: Row, viewer: Viewer) -> Talk:
    last = row.last
    ours = None
    if last is not None:
        ours = last.from_address if last.direction == "outbound" else last.to_address
    by_email = ours is not None and "@" in ours
    number = "Email" if by_email else pretty(ours, viewer.region) if ours else ""
    holder = row.holder.name if row.holder else "Unclaimed"
    return Talk(
        row.thread.id, holder, number, list_row(row, viewer).snippet, row.thread.last_message_at
    )


# What would happen to a text now


@dataclass(frozen=True, slots=True)
class OutlookView:
    channel: str
    lead: str
    rest: str
    steps: list[preview.StepView] = field(default_factory=list)
    refused: str | None = None


def outlook_view(found: Outlook, viewer: Viewer) -> OutlookView:
    decision, names = found.decision, found.names
    why = ""
    if decision.reason:
        why = words.why_not_text(decision.reason, names, detail_of(decision.steps))
    match decision:
        case SendSms(phone=phone, sender=sender):
            lead, rest = "It would be a text", f" to {pretty(phone.e164, names.region)}"
            mine = f" from {pretty(sender.number.e164, names.region)}"
            rest += f"{mine if found.may_write else ''}."
        case SendEmail():
            lead, rest = "It would go by email", f", because {why}."
        case Refuse():
            lead, rest = "It could not be sent", f", because {why}, and {words.NO_EMAIL}."
    steps = decision.steps
    if not found.may_write:  # the number is of whoever writes
        steps = tuple(s for s in steps if s.rule not in ("number", "carrier"))
    refused = None if found.may_write else words.MAY_NOT_START
    shown = preview.step_views(steps, names, decision.reason, viewer)
    return OutlookView(decision.channel.value, lead, rest, shown, refused)
