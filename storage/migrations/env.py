"""How Alembic reaches our database: through the connection that the caller opened."""

from alembic import context

from storage.crashpoints import crashpoint
from storage.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    compare_type=True,
    on_version_apply=lambda **_: crashpoint("tables.one_changed_before_next"),
)
with context.begin_transaction():
    context.run_migrations()
