"""Servers behind us: what the gateway needs of one, and how one is reached over HTTP; `outbound` has stdio."""

__all__: list[str] = []
