"""Brings a database to this version's schema, or says that it comes from a newer one.

All steps that are missing run in the caller's transaction: a process that is killed on the way leaves the database as
it was. Going back to an older schema is not offered; a backup is.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from gatepass.errors import Unavailable

__all__ = ["revision_of", "upgrade"]

HERE: Final = Path(__file__).parent


def revision_of(connection: Connection) -> str | None:
    """The revision that the database is at; None for one that is empty."""
    return MigrationContext.configure(connection).get_current_revision()


def upgrade(connection: Connection) -> None:
    """Run the steps that are missing. Raises `Unavailable` (`store_newer`) for a revision that we do not know."""
    config = Config()
    config.set_main_option("script_location", str(HERE).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    scripts = ScriptDirectory.from_config(config)
    current = revision_of(connection)
    known = {script.revision for script in scripts.walk_revisions()}
    if current is not None and current not in known:
        newest = scripts.get_current_head()
        message = f"the store is at revision `{current}`, and this version of Gatepass knows none after `{newest}`"
        raise Unavailable("store_newer", message)

    def steps(revision: object, _: MigrationContext) -> Iterable[MigrationStep]:
        # The one way to a programme's own upgrade that Alembic documents goes through this name.
        return scripts._upgrade_revs("head", revision)  # type: ignore[arg-type]  # noqa: SLF001

    with EnvironmentContext(config, scripts, fn=steps, destination_rev="head") as environment:
        environment.configure(connection=connection, transactional_ddl=False)
        environment.run_migrations()
