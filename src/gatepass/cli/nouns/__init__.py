"""What the commands are about, one module a noun."""

__all__: list[str] = []
