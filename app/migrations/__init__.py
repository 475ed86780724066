"""Migrations: bring a database to the newest version of the tables, and know whether it is
there."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.config import ConfigError
from app.database import db


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent))
    return config


def upgrade(to: str = "head") -> None:
    """Migrate the database of the current app. Raises ConfigError for one that is newer than the
    code. `to`: a revision, of tests."""
    script = ScriptDirectory.from_config(_config())
    known = {revision.revision for revision in script.walk_revisions()}
    if (revision := current()) is not None and revision not in known:
        raise ConfigError("DATABASE_URL: this database is newer than this version of Replyline")
    try:
        command.upgrade(_config(), to)
    except CommandError as error:
        raise ConfigError(f"DATABASE_URL: {error}") from None


def current() -> str | None:
    """The revision of the database; None where it is empty."""
    with db.engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current() -> bool:
    """Whether the database has every migration of this code."""
    return current() == ScriptDirectory.from_config(_config()).get_current_head()


def compared(name: str | None, kind: str, _parents: object) -> bool:
    """Whether the models know of this table or index; how words are searched is each database's
    own affair, made by the migration itself."""
    return kind not in ("table", "index") or "_words" not in (name or "")


def write(message: str) -> None:
    """For developers: write the migration from the database to the tables."""
    command.revision(_config(), message, autogenerate=True)
