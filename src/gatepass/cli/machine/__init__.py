"""Commands that run on the server's machine, on its data folder, and ask no server."""

__all__: list[str] = []
