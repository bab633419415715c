"""HTTP: routes, status codes, problem documents."""

__all__: list[str] = []
