"""The REST surface: `/u/{upstream}/…`, read exactly, decided, forwarded, relayed."""

from gatepass.gateway.rest.surface import RestSurface

__all__ = ["RestSurface"]
