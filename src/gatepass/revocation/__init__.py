"""What has been withdrawn, what falls with it, and how every verifier learns of it."""

__all__: list[str] = []
