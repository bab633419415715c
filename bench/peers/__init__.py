"""Who stands beside Gatepass: each peer installed, started as its users would, asked the same, and ended."""

__all__: list[str] = []
