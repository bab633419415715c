"""What people manage: agents, roles, upstreams, secrets, credentials; the policy administration point."""

__all__: list[str] = []
