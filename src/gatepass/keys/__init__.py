"""Signing and sealing keys and their rotation. The only room with `cryptography`."""

__all__: list[str] = []
