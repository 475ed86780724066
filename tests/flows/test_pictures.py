"""Pictures that came with a text: shown to whoever may read it, and only pictures."""

import pytest
from sqlalchemy import select, update

from app.database import db, transaction
from app.models import AuditEntry, Picture

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def sent(school):
    """Dana, who got a picture from Maya, and the picture's path."""
    dana, ours = school.holder()
    maya = school.person("mobile")
    school.carrier.text(maya.numbers[0], ours, "Look", media=["image/png"])
    dana.conversations(unread="true")
    with school.app.app_context():
        found = select(Picture.id).where(Picture.institution_id == school.id)
        path = f"/inbox/pictures/{db.session.execute(found).scalar_one()}"
        db.session.remove()
    return dana, path


def test_a_picture_is_shown_to_whoever_may_read_the_text(school, sent):
    """X32, C-19: through us, as what its first bytes say, with nothing in it that runs."""
    dana, path = sent
    with school.browser(dana) as browser:
        answer = browser.get(path)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/png"
        assert answer.content.startswith(PNG)
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["Cache-Control"] == "no-store"
        assert browser.get("/inbox/pictures/999999").status_code == 404
    with school.browser(school.member(name="Kim Alvarez")) as other:
        assert other.get(path).status_code == 404
    auditor = school.member("Auditor", name="Ada Auditor")
    with school.browser(auditor) as other:
        assert other.get(path).status_code == 200
    with school.app.app_context():  # D3: reading what is a colleague's leaves a trace
        read = select(AuditEntry.staff_id).where(
            AuditEntry.institution_id == school.id, AuditEntry.action == "conversation.read"
        )
        assert db.session.execute(read).scalars().all() == [auditor.id]
        db.session.remove()


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/picture.png",
        "https://twilio.com.example.com/picture.png",
        "http://api.twilio.com/picture.png",  # not without TLS
        "http://127.0.0.1:1/picture.png",
        "file:///etc/passwd",
        "https://example.com\\@api.twilio.com/picture.png",  # two readers, two hosts
        "https://api.twilio.com@example.com/picture.png",
        "https://somebody@api.twilio.com/picture.png",
        "https://api.twilio.com:8443/picture.png",
        "https://[::1/picture.png",
    ],
)
def test_nothing_is_fetched_from_elsewhere(school, sent, address):
    """X21"""
    dana, path = sent
    with school.app.app_context(), transaction():
        row = update(Picture).where(Picture.institution_id == school.id).values(url=address)
        db.session.execute(row)
    with school.browser(dana) as browser:
        assert browser.get(path).status_code == 404
