"""The decision point: authority, roles and policy files in; one explained decision out."""

__all__: list[str] = []
