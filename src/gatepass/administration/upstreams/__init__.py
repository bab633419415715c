"""The systems behind the gateway, and the secrets that they want."""

from gatepass.administration.upstreams.registering import LARGEST_OPERATIONS, UpstreamForm, Upstreams
from gatepass.administration.upstreams.secrets import NewKey, Seals, Secrets

__all__ = ["LARGEST_OPERATIONS", "NewKey", "Seals", "Secrets", "UpstreamForm", "Upstreams"]
