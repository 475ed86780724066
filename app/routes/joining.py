"""Joining: two records of one person side by side, what they would be as one, and the way back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from app.errors import Conflict, Invalid, Merged
from app.models import Conversation, PersonPhone
from app.routes.filters import date_words, day, local, number, row_id
from app.routes.shown import person_lines
from app.rules import joining as rules
from app.rules.access import Can, Whose
from app.rules.joining import Joined
from app.security import allowed, viewer
from app.services import comparing, joining, people, separating
from app.services.comparing import Comparison, Side
from app.services.separating import Left, Undoable

bp = Blueprint("joining", __name__, url_prefix="/people")

MOST_FOUND = 20
_LABELS = {"kind": "Kind", "source_id": "ID", "email": "Email", "timezone": "Time zone"}
_FILLED = {
    "kind": "the kind",
    "given_name": "the first name",
    "family_name": "the last name",
    "email": "the email",
    "source_id": "the ID",
    "timezone": "the time zone",
}


# Whom to merge with


@bp.get("/<int:person_id>/merge")
@allowed(Can.PEOPLE_EDIT)
def question(person_id: int) -> Any:
    joining.require_may_merge(viewer())
    other_id = request.args.get("other", type=row_id)
    if other_id:
        return _compared(person_id, other_id)
    asking, q = viewer(), request.args.get("q", "").replace("\x00", "")[:100]
    person = people.one(asking, person_id)
    if person.merged_into is not None:
        return redirect(url_for("people.person", person_id=person.merged_into))
    alike = comparing.lookalikes(person)
    known = {person_id, *(p.id for p in alike)}
    found = people.search(asking, q=q, limit=MOST_FOUND) if q.strip() else []
    return render_template(
        "people/merge_with.html",
        person=person,
        alike=[(p, ", ".join(person_lines(p))) for p in alike],
        found=[(p, ", ".join(person_lines(p))) for p in found if p.id not in known],
        q=q,
    )


# The two side by side


def _compared(person_id: int, other_id: int, problem: str | None = None) -> str:
    found = comparing.compare(viewer(), person_id, other_id)
    if found.hindrance is not None:
        names = found.kept.person.name, found.other.person.name
        problem = rules.why_not(found.hindrance, *names)
    return render_template(
        "people/merge.html",
        kept=_side(found.kept),
        other=_side(found.other),
        result=_result(found, found.joined) if found.joined else None,
        problem=problem,
        days=rules.UNDO_FOR.days,
    )


@bp.post("/<int:person_id>/merge")
@allowed(Can.PEOPLE_EDIT)
def merge(person_id: int) -> Any:
    other_id = request.form.get("other", 0, type=row_id)
    try:
        joining.merge(viewer(), person_id, other_id)
    except (Conflict, Invalid) as error:
        return _compared(person_id, other_id, str(error)), error.http_status
    flash("The two records are one.")
    return _to(person_id)


@bp.post("/merges/<int:merge_id>/undo")
@allowed(Can.PEOPLE_EDIT)
def undo(merge_id: int) -> Any:
    left = separating.undo(viewer(), merge_id)
    flash(_undone(left))
    return _to(left.kept_id)


def _to(person_id: int) -> Any:
    return redirect(url_for("people.person", person_id=person_id), code=303)


def moved_to(error: Merged, endpoint: str) -> Any:
    """Where the page of somebody is who is one with another by now."""
    to = url_for(endpoint, person_id=error.into)
    if request.headers.get("HX-Request"):
        return "", 200, {"HX-Redirect": to}
    return redirect(to)


def _undone(left: Left) -> str:
    parts = [
        _some(left.phones, "phone that was removed", "phones that were removed"),
        _some(left.messages, "newer message", "newer messages"),
    ]
    stays = _and([part for part in parts if part])
    one = left.phones + left.messages == 1
    return "They are two records again." + (
        f" {stays[0].upper()}{stays[1:]} stay{'s' if one else ''} with {left.kept}."
        if stays
        else ""
    )


# What the page of who was kept says


@dataclass(frozen=True, slots=True)
class MergeRow:
    """`told`: what happened, and until when it can be undone."""

    id: int
    other: str
    told: str
    is_last: bool


def merge_rows(found: Sequence[Undoable]) -> list[MergeRow]:
    return [MergeRow(each.id, each.other, _told(each), each.is_last) for each in found]


def _told(each: Undoable) -> str:
    on = day(each.at)
    when = on.lower() if on in ("Today", "Yesterday") else f"on {on.partition(', ')[2]}"
    until = date_words(local(each.until).date())
    ends = f"It can be undone until {until}" if each.is_last else "The later merge is undone first"
    return f"{each.other} was merged into this record {when}, by {each.by}. {ends}."


# One of the two


@dataclass(frozen=True, slots=True)
class PhoneLine:
    number: str
    about: str
    status: str


@dataclass(frozen=True, slots=True)
class SideView:
    """`facts`: (label, value), "" where the record says nothing."""

    id: int
    name: str
    first: str
    opted_out: bool
    facts: list[tuple[str, str]]
    phones: list[PhoneLine]
    talks: str
    advisors: str


def _side(side: Side) -> SideView:
    person = side.person
    facts = [(label, str(getattr(person, name) or "")) for name, label in _LABELS.items()]
    facts[0] = ("Kind", person.kind.value.capitalize())
    if side.accounts:
        facts.append(("Signs in as", ", ".join(side.accounts)))
    return SideView(
        person.id,
        person.name,
        person.given_name or person.name,
        person.opted_out_at is not None,
        facts,
        [_phone(phone) for phone in side.phones],
        _and([f"with {name}" if name else "unclaimed" for _, name in side.talks]),
        _and(side.advisors),
    )


def _phone(phone: PersonPhone) -> PhoneLine:
    contact = phone.contact_number
    verified = ", verified" if phone.verified_at else ""
    about = f"{phone.type.value.capitalize()}{verified}"
    return PhoneLine(number(contact.e164), about, contact.status.value)


# Both as one


@dataclass(frozen=True, slots=True)
class ResultView:
    """`points`: (icon, what happens). `warning`: what no undoing brings back; None without one."""

    points: list[tuple[str, str]]
    warning: str | None


def _result(found: Comparison, joined: Joined) -> ResultView:
    return ResultView([*_points(found, joined)], _silence(found, joined))


def _points(found: Comparison, joined: Joined) -> Iterator[tuple[str, str]]:
    kept, other = _called(found)
    yield "check", f"{kept} stays, and what this record says stays as it is."
    if filled := [_FILLED[name] for name in _FILLED if name in joined.fields]:
        verb = "come" if len(filled) > 1 else "comes"
        yield "user", f"{_start(_and(filled))} {verb} from {other}."
    if lost := _not_taken(found):
        yield "x", f"Not taken over: {lost}."
    yield from _of_phones(found, joined, other)
    yield from _of_talks(found, other)
    have = {*found.kept.advisors}
    if new := [name for name in found.other.advisors if name not in have]:
        role = "becomes an advisor" if len(new) == 1 else "become advisors"
        yield "users", f"{_and(new)} {role} of {kept}."
    if found.other.accounts:
        yield "key", f"{_and(found.other.accounts)} signs in as {kept}’s account from then on."


def _not_taken(found: Comparison) -> str:
    """What the other record says about the same: it stays there, for the way back."""
    kept, other = found.kept.record, found.other.record
    lost = [
        f"{_FILLED[name]} {other.fields[name]}"
        for name in ("kind", "email", "timezone")
        if kept.says(name) and other.says(name) and kept.fields[name] != other.fields[name]
    ]
    return _and(lost)


def _of_phones(found: Comparison, joined: Joined, other: str) -> Iterator[tuple[str, str]]:
    changing = {*joined.moved}
    moved = [number(p.contact_number.e164) for p in found.other.phones if p.id in changing]
    twins = {twin.other for twin in joined.twins}
    both = [number(p.contact_number.e164) for p in found.other.phones if p.id in twins]
    if moved:
        verb = "changes" if len(moved) == 1 else "change"
        yield "phone", f"{_and(moved)} {verb} over from {other}, with {_its(moved)} SMS status."
    if both:
        yield "phone", f"{_and(both)}, on both records, stay{'s' * (len(both) == 1)} once."


def _its(listed: list[str]) -> str:
    return "its" if len(listed) == 1 else "their"


def _of_talks(found: Comparison, other: str) -> Iterator[tuple[str, str]]:
    there = {_held(thread) for thread, _ in found.kept.talks}
    talks = found.other.talks
    if not talks:
        return
    if moved := [name for thread, name in talks if _held(thread) not in there]:
        said = _and([f"with {name}" if name else "that nobody holds" for name in moved])
        many = "conversation" if len(moved) == 1 else "conversations"
        yield (
            "messages-square",
            f"{_start(other)}’s {many} {said} change{'s' * (len(moved) == 1)} over.",
        )
    if poured := [name for thread, name in talks if _held(thread) in there]:
        said = _and([f"with {name}" if name else "that nobody holds" for name in poured])
        yield "merge", f"The conversations of both {said} become one, with what is half written."


def _held(thread: Conversation) -> Whose:
    """By whom; what nobody holds is apart by its org unit (D5)."""
    return Whose(thread.staff_id, None if thread.staff_id else thread.org_unit_id)


def _silence(found: Comparison, joined: Joined) -> str | None:
    """A STOP on one of the two is one on both (S3-54)."""
    opted_out = [side for side in (found.kept, found.other) if side.record.opted_out_at]
    if joined.opted_out_at is None or len(opted_out) == 2:
        return None
    reached = {*joined.silenced}
    numbers = [
        number(phone.contact_number.e164)
        for side in (found.kept, found.other)
        for phone in side.phones
        if phone.contact_number_id in reached
    ]
    off = list(dict.fromkeys(numbers))
    who = opted_out[0].person.name if opted_out else "A number of both records"
    also = f", so {_and(off)} {'is' if len(off) == 1 else 'are'} switched off too" if off else ""
    return (
        f"{who} opted out of texts{also}. Texts for later are canceled. Undoing the merge does "
        "not switch anything on again."
    )


def _called(found: Comparison) -> tuple[str, str]:
    """Told apart, also where both have one name."""
    kept, other = found.kept.person.name, found.other.person.name
    return (kept, other) if kept != other else (kept, "the other record")


def _and(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _start(words: str) -> str:
    return words[:1].upper() + words[1:]


def _some(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}" if count else ""
