"""Run by Alembic: migrates over the connection that `migrations.upgrade` hands in."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
# batch: SQLite alters most things only by making the table anew.
context.configure(connection=connection, render_as_batch=True, transaction_per_migration=False)
with context.begin_transaction():
    context.run_migrations()
