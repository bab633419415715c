"""How a database of an older version becomes one of this version, in one transaction, when it is opened."""

from gatepass.storage.sqlite.migrations.upgrading import revision_of, upgrade

__all__ = ["revision_of", "upgrade"]
