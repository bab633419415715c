"""The whole story on real parts, unattended, judged by what the parts themselves saw."""

__all__: list[str] = []
