"""What stands at each address."""

__all__: list[str] = []
