"""The database's schema, version by version (Alembic)."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from zaigang_collector.errors import SchemaError

_HERE: Final = Path(__file__).parent


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to `revision`. All of it or nothing: DDL is transactional in both. Raises
    SchemaError for a database of a newer program."""
    with engine.begin() as conn:
        found = MigrationContext.configure(conn).get_current_revision()
        if found is not None and found not in _revisions():
            raise _newer(found)
        command.upgrade(_config(conn), revision)


def downgrade(engine: Engine, revision: str) -> None:
    """Go back to `revision`; "base" leaves an empty database."""
    with engine.begin() as conn:
        command.downgrade(_config(conn), revision)


def check(engine: Engine) -> None:
    """Raise SchemaError unless the schema is exactly this version's."""
    with engine.connect() as conn:
        found = MigrationContext.configure(conn).get_current_revision()
    scripts = ScriptDirectory(str(_HERE))
    if found == scripts.get_current_head():
        return
    if found is None:
        raise SchemaError("the database is empty; `zaigang-collector init` makes its tables")
    if found in _revisions():
        raise SchemaError(
            f"the database is at version {found}, older than this program; make a backup, then "
            "run `zaigang-collector upgrade`"
        )
    raise _newer(found)


def _revisions() -> frozenset[str]:
    return frozenset(one.revision for one in ScriptDirectory(str(_HERE)).walk_revisions())


def _newer(found: str) -> SchemaError:
    return SchemaError(
        f"the database is at version {found}, which this program does not know: it was used by a "
        "newer one. Install that version again."
    )


def _config(conn: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE).replace("%", "%%"))
    config.attributes["connection"] = conn
    return config
