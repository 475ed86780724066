"""Migrations: they make exactly the tables of the models, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from app import config, create_app, migrations
from app.config import ConfigError
from app.database import Base, db, has_word, transaction
from app.models import ContactNumber, Conversation, Message, Person
from app.services import staff


@pytest.fixture
def app(empty_database_url, tmp_path):
    config.loopback_secrets(tmp_path)
    settings = config.load(
        var_dir=tmp_path, database_url=empty_database_url, redis_url="unix:///no.sock"
    )
    app = create_app(settings, web=False)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.mark.filterwarnings("ignore:.*expression-based index")
def test_the_migrations_make_the_tables_of_the_models(app):
    migrations.upgrade()
    assert migrations.is_current()
    with db.engine.connect() as connection:
        opts = {"compare_type": False, "include_name": migrations.compared}
        context = MigrationContext.configure(connection, opts=opts)
        found = [d for d in compare_metadata(context, Base.metadata) if not _by_expression(d)]
    assert found == []


def _by_expression(difference) -> bool:
    """Indexes on expressions, which not every database can be asked about."""
    return difference[0].endswith("_index") and "conversation" in difference[1].name


def test_a_second_upgrade_keeps_what_is_there(app):
    migrations.upgrade()
    school = staff.create_institution("Northfield College", "America/Chicago", "US")
    migrations.upgrade()
    names = db.session.execute(text(f"SELECT name FROM institution WHERE id = {school}"))
    assert names.scalar_one() == "Northfield College"


def insert(connection, table, values):
    names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
    connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)


def test_what_was_said_before_an_upgrade_is_found_after_it(app):
    """The migrations fill in what search and figures need, and keep it as rows change."""
    migrations.upgrade("0e3be2826143")
    with db.engine.begin() as connection:
        for table, values in _BEFORE.items():
            insert(connection, table, values)
        connection.execute(
            text(
                "INSERT INTO conversation (id, institution_id, contact_number_id, last_message_at,"
                " snippet, unread) VALUES (8, 7, 7, :now, '', 0)"
            ),
            {"now": NOW},
        )
    migrations.upgrade()

    def found(table, word):
        return list(db.session.execute(select(table.id).where(has_word(table, word))).scalars())

    assert found(Message, "aujourd") == found(Message, "hui") == found(Person, "nguy") == [7]
    assert found(Message, "ujourd") == found(Person, "hui") == []
    assert db.session.get_one(Message, 7).holder_id == 7, "who holds it now has what came in before"
    nobodys, danas = (db.session.get_one(Conversation, id_) for id_ in (8, 7))
    assert nobodys.reminded_at == nobodys.last_message_at, "nobody is reminded of all that waited"
    assert danas.reminded_at is None
    number = select(ContactNumber.e164).where(ContactNumber.tail.startswith("7410"))
    assert db.session.execute(number).scalar_one() == "+15125550147"
    db.session.rollback()
    with transaction():
        db.session.get_one(Person, 7).given_name = "Ngân"
        db.session.get_one(Message, 7).words = "demain"
    assert found(Person, "ngan") == found(Message, "demain") == [7]
    assert found(Person, "thuy") == found(Message, "aujourd") == []
    with transaction():
        db.session.delete(db.session.get_one(Message, 7))
    assert found(Message, "demain") == []


def test_what_nobody_had_claimed_before_an_upgrade_stays_and_there_is_one_in_each_unit(app):
    """D5, D7: of units; before it was one in all of them together."""
    migrations.upgrade("0e3be2826143")
    with db.engine.begin() as connection:
        for table, values in _BEFORE.items():
            insert(connection, table, values)
    migrations.upgrade("c71d09b5e4a3")
    nobodys = {"institution_id": 7, "last_message_at": NOW, "snippet": "", "unread": 1}
    with_maya, with_number = {"person_id": 7}, {"contact_number_id": 7}
    with db.engine.begin() as connection:
        for id_ in (7, 8):
            unit = {"id": id_, "institution_id": 7, "name": f"Unit {id_}", "version": 1}
            insert(connection, "org_unit", {**unit, "created_at": NOW})
        insert(connection, "conversation", {**nobodys, **with_maya, "id": 8, "org_unit_id": 7})
        insert(connection, "conversation", {**nobodys, **with_number, "id": 9})
    migrations.upgrade()

    def another(**values):
        try:
            with db.engine.begin() as connection:
                insert(connection, "conversation", {**nobodys, **values})
        except IntegrityError:
            return False
        return True

    rows = select(Conversation.id, Conversation.org_unit_id, Conversation.unread)
    found = db.session.execute(rows.order_by(Conversation.id)).all()
    assert found == [(7, None, 0), (8, 7, 1), (9, None, 1)]
    db.session.rollback()
    assert [another(**with_maya, org_unit_id=unit) for unit in (7, 8, None)] == [False, True, True]
    assert [another(**with_number, org_unit_id=unit) for unit in (7, None)] == [True, False]
    held = {"staff_id": 7, **with_maya}
    assert [another(**held, org_unit_id=unit) for unit in (None, 7)] == [False, False]


NOW = "2026-11-20 10:00:00"
_BEFORE = {
    "institution": {
        **{"id": 7, "name": "Northfield", "timezone": "America/Chicago", "region": "US"},
        **{"student_opted_in": True, "staff_opted_in": True, "default_phone_type": "mobile"},
        **{"limit_unit": "messages", "cool_off_days": 0, "max_length": 1000, "sms_enabled": True},
        **{"reply_notice_subject": "", "reply_notice_body": "", "fallback_subject": ""},
        **{"fallback_body": "", "more_stop_words": "[]", "more_start_words": "[]"},
        **{"version": 1, "created_at": NOW},
    },
    "person": {
        **{"id": 7, "institution_id": 7, "kind": "student", "given_name": "Thuy"},
        **{"family_name": "Nguyễn", "created_at": NOW},
    },
    "contact_number": {"id": 7, "institution_id": 7, "e164": "+15125550147", "status": "default"},
    "staff": {
        **{"id": 7, "institution_id": 7, "person_id": 7, "email": "dana@northfield.example"},
        **{"name": "Dana", "password_hash": "", "active": True, "created_at": NOW},
    },
    "conversation": {
        **{"id": 7, "institution_id": 7, "staff_id": 7, "person_id": 7, "last_message_at": NOW},
        **{"snippet": "", "unread": 0},
    },
    "message": {
        **{"id": 7, "institution_id": 7, "conversation_id": 7, "direction": "inbound"},
        **{"kind": "conversation", "channel": "sms", "status": 2, "body": "Aujourd’hui?"},
        **{"decision": "[]", "priority": 0, "places": 0, "retries": 0, "created_at": NOW},
    },
}


def test_a_database_newer_than_the_code_is_refused(app):
    migrations.upgrade()
    revision = migrations.current()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'from the future'"))
    with pytest.raises(ConfigError, match="newer than this version"):
        migrations.upgrade()
    with db.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :r"), {"r": revision})


def test_one_conversation_per_holder_and_person_whoever_asks_first(app):
    """D5: the unique indexes on expressions exist, on both databases."""
    migrations.upgrade()
    with db.engine.connect() as connection:
        catalogue = (
            "SELECT sql FROM sqlite_master WHERE type = 'index'"
            if connection.dialect.name == "sqlite"
            else "SELECT indexdef FROM pg_indexes"
        )
        indexes = [row[0].lower() for row in connection.execute(text(catalogue)) if row[0]]
    unique = [i for i in indexes if "unique" in i and "coalesce(staff_id" in i]
    assert len(unique) == 2
