"""Pages of what there is: upstreams and their secrets, roles, people, settings."""

from gatepass.console.estate import people, roles, secrets, settings, upstreams

__all__ = ["ROUTES"]

ROUTES = (*upstreams.ROUTES, *secrets.ROUTES, *roles.ROUTES, *people.ROUTES, *settings.ROUTES)
