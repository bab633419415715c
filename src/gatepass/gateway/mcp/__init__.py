"""MCP, enforced: both eras on either side, what may be called is what is listed, nothing unmapped gets through."""

__all__: list[str] = []
