"""The systems behind the gateway, and the secrets that they want."""

from gatepass.administration.upstreams.registering import UpstreamForm, Upstreams
from gatepass.administration.upstreams.secrets import Seals, Secrets

__all__ = ["Seals", "Secrets", "UpstreamForm", "Upstreams"]
