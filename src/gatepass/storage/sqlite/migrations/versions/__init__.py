"""The steps, oldest first. A step that has left the house is never edited."""

__all__: list[str] = []
