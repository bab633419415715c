"""Custody of other people's secrets, sealed until the moment of use."""

__all__: list[str] = []
