"""The issuer's signing keys at the command line."""

__all__: list[str] = []
