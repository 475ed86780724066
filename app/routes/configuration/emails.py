"""Emails: the words of the reply notice and of the fallback email, tried out before they count
(S3-16, S3-17)."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for

from app.errors import Conflict, NotFound
from app.routes.configuration.frame import basis, begin, bp, overtaken, page, theirs, typed, version
from app.rules.access import Can
from app.rules.letters import KINDS, Letter, lacks, unknown_fields
from app.security import allowed, viewer
from app.services import changes, letters, settings

ENDPOINT = "configuration.email"
TITLES = {
    "reply_notice": (
        "Reply notice",
        "To a member of staff, about a reply that no browser of theirs has shown.",
    ),
    "fallback_email": (
        "Fallback email",
        "To a person, with a message that could not go as a text. Answers go to its sender.",
    ),
}
_LENGTHS = {"subject": 300, "body": 10_000}
PARTS = {"subject": "Subject", "body": "Text"}


@bp.get("/email")
@allowed(Can.SETTINGS_EDIT)
def email() -> Any:
    return _page()


@bp.post("/email/<kind>")
@allowed(Can.SETTINGS_EDIT)
def save_email(kind: str) -> Any:
    """Saved, put back to the standard, or tried out; a test sends what is typed and saves
    nothing."""
    begin()
    letter, act = _typed(kind), request.form.get("act")
    if act == "standard":
        letter = letters.STANDARD[kind]
    if problems := _problems(letter):
        return _page(kind, letter, problems=problems), 422
    if act == "test":
        letters.send_sample(viewer(), kind, letter)
        flash(f"A test is on its way to {viewer().email}.")
        return _page(kind, letter)
    wanted = theirs({"subject": letter.subject, "body": letter.body})
    try:
        settings.change(viewer(), basis(viewer(), {kind}), {kind: wanted})
    except Conflict:
        return _overtaken(kind, letter), 409
    flash(f"The {TITLES[kind][0].lower()} is saved.")
    return redirect(url_for(ENDPOINT), code=303)


@bp.post("/email/<kind>/preview")
@allowed(Can.SETTINGS_EDIT)
def preview_email(kind: str) -> Any:
    return render_template("configuration/_letter.html", letter=_preview(kind, _typed(kind)))


def _typed(kind: str) -> Letter:
    if kind not in KINDS:
        raise NotFound
    subject = " ".join(typed("subject", _LENGTHS["subject"] + 1).split())
    return Letter(subject, typed("body", _LENGTHS["body"] + 1).strip())


def _problems(letter: Letter) -> dict[str, str]:
    found = {}
    for name, length in _LENGTHS.items():
        text = getattr(letter, name)
        if not text:
            found[name] = "Write something here."
        elif len(text) > length:
            found[name] = f"{length:,} characters are the most."
    return found


def _preview(kind: str, letter: Letter) -> dict[str, Any]:
    """What it looks like, and what is odd about it."""
    sample = letters.sample(viewer(), kind, letter)
    missing = lacks(kind, letter)
    unknown = unknown_fields(kind, letter)
    odd = [f"{{{name}}} is no field: it goes out as it is typed." for name in unknown]
    if missing:
        odd.append(f"{{{missing}}} is missing: the email does not say the one thing it is for.")
    return {"kind": kind, "subject": sample.subject, "body": sample.body, "odd": odd}


def _overtaken(kind: str, letter: Letter) -> str:
    """Subject and text each for themselves."""
    saved = changes.parts_of(kind, changes.since(viewer(), version()))
    yours = {"subject": letter.subject, "body": letter.body}
    told, merged = overtaken(yours, saved, PARTS, lambda _field, value: str(value))
    return _page(kind, Letter(merged["subject"], merged["body"]), conflict=told)


def _page(
    kind: str | None = None,
    letter: Letter | None = None,
    problems: dict[str, str] | None = None,
    conflict: Any = None,
) -> str:
    """Both emails; of one of them what was typed. A form with a problem keeps its version, one
    that was overtaken goes on from the newest."""
    asking = begin()
    found = settings.current(asking)
    forms = []
    for name, (title, about) in TITLES.items():
        here = name == kind
        shown = letter if here and letter else Letter(**found[name])
        keeps = here and conflict is None and request.method == "POST"
        forms.append(
            {
                "kind": name,
                "title": title,
                "about": about,
                "subject": shown.subject,
                "body": shown.body,
                "version": version() if keeps else found["version"],
                "fields": [f"{{{field}}}" for field in KINDS[name].fields],
                "problems": (problems or {}) if here else {},
                "conflict": conflict if here else None,
                "letter": _preview(name, shown),
                "standard": shown == letters.STANDARD[name],
            }
        )
    return page("email.html", ENDPOINT, forms=forms)
