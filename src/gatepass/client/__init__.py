"""The SDK: all that an agent's code, or an API that accepts passes, has to import."""

from gatepass.client.management import Answer, Management
from gatepass.client.transport import DEFAULT_URL, Health, Transport

__all__ = ["DEFAULT_URL", "Answer", "Health", "Management", "Transport"]
