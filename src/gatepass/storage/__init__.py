"""Adapters for the stores that rooms declare: SQLite, PostgreSQL, Redis protocol, memory."""

__all__: list[str] = []
