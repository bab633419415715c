"""The systems behind the gateway, and the secrets that they want."""

from gatepass.administration.upstreams.registering import UpstreamForm, Upstreams
from gatepass.administration.upstreams.secrets import NewKey, Seals, Secrets

__all__ = ["NewKey", "Seals", "Secrets", "UpstreamForm", "Upstreams"]
