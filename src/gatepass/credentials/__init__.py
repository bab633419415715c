"""The shapes that carry an authority: API token, access token, capability; proofs of possession."""

__all__: list[str] = []
