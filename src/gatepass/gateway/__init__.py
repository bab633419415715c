"""The enforcement point: admit, inject, forward. REST, MCP, key-value, forward-auth."""

__all__: list[str] = []
