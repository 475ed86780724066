"""Letters: the emails that an institution words itself, tried out by whoever words them (S3-16)."""

from flask import current_app

from app import clock
from app.config import Settings
from app.database import db, retrying, transaction
from app.models import Institution
from app.models.institution import (
    FALLBACK_BODY,
    FALLBACK_SUBJECT,
    REPLY_NOTICE_BODY,
    REPLY_NOTICE_SUBJECT,
)
from app.rules.access import Viewer
from app.rules.letters import KINDS, Letter, written
from app.services import emails

STANDARD = {
    "reply_notice": Letter(REPLY_NOTICE_SUBJECT, REPLY_NOTICE_BODY),
    "fallback_email": Letter(FALLBACK_SUBJECT, FALLBACK_BODY),
}


def sample(viewer: Viewer, kind: str, letter: Letter) -> Letter:
    """The email with examples in its fields, made as a real one is."""
    settings: Settings = current_app.config["SETTINGS"]
    institution = db.session.get_one(Institution, viewer.institution_id)
    ours = {
        "link": f"{settings.public}/inbox",
        "institution": institution.name,
        "sender": viewer.name,
    }
    fields = {name: ours.get(name, example) for name, example in KINDS[kind].fields.items()}
    return written(letter, fields)


@retrying
def send_sample(viewer: Viewer, kind: str, letter: Letter) -> None:
    """Put the sample in the queue of real emails, to the viewer's own address."""
    with transaction():
        found = sample(viewer, kind, letter)
        institution = db.session.get_one(Institution, viewer.institution_id)
        notice = kind == "reply_notice"
        emails.add(
            viewer.institution_id,
            "test",
            viewer.email,
            institution.name if notice else viewer.name,
            found.subject,
            found.body,
            clock.now(),
            reply_to=None if notice else viewer.email,
        )
