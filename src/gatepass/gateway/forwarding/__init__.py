"""What leaves for an upstream and what comes back: headers, the door, decoding, redaction."""

from gatepass.gateway.forwarding.door import Door, HttpAnswer, HttpCall, Patience, Traffic
from gatepass.gateway.forwarding.redaction import Redactor, Redactors

__all__ = ["Door", "HttpAnswer", "HttpCall", "Patience", "Redactor", "Redactors", "Traffic"]
