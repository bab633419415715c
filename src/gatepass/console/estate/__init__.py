"""Pages of what there is: upstreams and their secrets, roles, people, trust, settings."""

from gatepass.console.estate import people, roles, secrets, settings, trust, upstreams

__all__ = ["ROUTES"]

ROUTES = (*upstreams.ROUTES, *secrets.ROUTES, *roles.ROUTES, *people.ROUTES, *trust.ROUTES, *settings.ROUTES)
