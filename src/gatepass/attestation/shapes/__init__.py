"""What the subjects of known issuers look like, and which of their claims can be relied on."""

from gatepass.attestation.shapes.reading import Finding, Grade

__all__ = ["Finding", "Grade"]
