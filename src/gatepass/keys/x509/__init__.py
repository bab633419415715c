"""Client certificates, read: whose key they are for, and when they hold."""

from gatepass.keys.x509.reading import ClientCertificate

__all__ = ["ClientCertificate"]
