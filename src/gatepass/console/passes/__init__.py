"""Agents, and the tokens that they hold."""

__all__: list[str] = []
