"""What each operation of the management API does, one module a noun."""

__all__: list[str] = []
