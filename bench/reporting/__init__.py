"""From samples to what people read: medians and spreads, goals, the result's file, its tables, what got worse."""

__all__: list[str] = []
