"""MCP on the wire, in both eras: messages, headers that have to agree with them, event streams."""

__all__: list[str] = []
