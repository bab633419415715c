"""Every connection that we open, through one guarded door."""

__all__: list[str] = []
