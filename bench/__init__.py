"""What Gatepass costs, each figure beside its floor and its peers, measured in one interleaved run."""

__all__: list[str] = []
