"""Env: how Alembic reaches the database of the current app."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import text

import app.models  # noqa: F401 (fills the metadata)
from app.database import Base, db
from app.migrations import compared


def run() -> None:
    """Every migration in one transaction; on SQLite with foreign keys off, and checked
    afterwards."""
    with db.engine.connect() as connection:
        on_sqlite = connection.dialect.name == "sqlite"
        # Straight to the driver: inside a transaction SQLite ignores this.
        driver: Any = connection.connection.driver_connection
        if on_sqlite:
            driver.execute("PRAGMA foreign_keys=OFF")
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            include_name=compared,
            render_as_batch=True,
            user_module_prefix="columns.",
            render_item=_spelled,
        )
        with context.begin_transaction():
            context.run_migrations()
            if on_sqlite and connection.execute(text("PRAGMA foreign_key_check")).first():
                raise RuntimeError("a migration has broken a foreign key")
        if on_sqlite:
            driver.execute("PRAGMA foreign_keys=ON")


def _spelled(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Our column kinds as plain ones: a migration must not change when our code does."""
    name = type(item).__name__
    if kind == "type" and name == "UtcDateTime":
        return "sa.DateTime(timezone=True)"
    if kind == "type" and name == "ByValue":
        whole = issubclass(item.enum, int)
        return "sa.Integer()" if whole else "sa.String(length=32)"
    return False


run()
