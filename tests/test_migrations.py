"""Migrations: they make exactly the tables of the models, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from app import config, create_app, migrations
from app.config import ConfigError
from app.database import Base, db
from app.services import staff


@pytest.fixture
def app(quiet_database_url, tmp_path):
    config.loopback_secrets(tmp_path)
    settings = config.load(
        var_dir=tmp_path, database_url=quiet_database_url, redis_url="unix:///no.sock"
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
        context = MigrationContext.configure(connection, opts={"compare_type": False})
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
