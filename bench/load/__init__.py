"""Who asks and who answers: a generator that checks every answer, and an upstream that does almost nothing."""

from bench.load.asking import Asked, Exchange, Load, Loading

__all__ = ["Asked", "Exchange", "Load", "Loading"]
