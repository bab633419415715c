"""What a credential may do: permissions, scope notation, caveats, narrowing. Pure algebra."""

__all__: list[str] = []
