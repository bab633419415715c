"""Programs that are started, and never imported: a peer's proxy, and ours on a disk that is not waited for."""

__all__: list[str] = []
