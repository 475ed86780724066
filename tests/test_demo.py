"""The demo: a college with people, phones and some weeks behind it, made once."""

import pytest
from sqlalchemy import func, select

from app import config, create_app, demo
from app.database import db
from app.models import Institution, Message, Person, Usage
from app.rules.lifecycle import Status


@pytest.fixture
def settings(quiet_database_url, tmp_path):
    config.loopback_secrets(tmp_path)
    return config.load(
        var_dir=tmp_path, database_url=quiet_database_url, redis_url="unix:///no.sock"
    )


def _counts():
    return [db.session.execute(select(func.count()).select_from(t)).scalar_one() for t in TABLES]


TABLES = [Institution, Person, Message]


def test_a_demo_has_a_past_that_adds_up_and_is_made_once(settings):
    """What the month has used is what its texts took (I6); a second start adds nothing."""
    demo.prepare(settings, demo=True)
    app = create_app(settings, web=False)
    with app.app_context():
        made = _counts()
        statuses = set(db.session.execute(select(Message.status)).scalars())
        assert statuses >= {Status.DELIVERED, Status.UNDELIVERED, Status.RECEIVED, Status.QUEUED}
        months = select(Message.month, func.sum(Message.places)).where(Message.month.is_not(None))
        taken = dict(db.session.execute(months.group_by(Message.month)).all())
        [usage] = db.session.execute(select(Usage)).scalars()
        assert usage.used == taken[usage.month]
        began = db.session.execute(select(Institution.created_at)).scalar_one()
        first = db.session.execute(select(func.min(Message.created_at))).scalar_one()
        assert began <= first
        db.session.remove()
        db.engine.dispose()
    demo.prepare(settings, demo=True)
    with app.app_context():
        assert _counts() == made
        db.session.remove()
        db.engine.dispose()
