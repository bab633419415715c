"""The rows of a run: what each one measures, of whom, and which goals it speaks of."""

__all__: list[str] = []
