"""The management API as an OpenAPI 3.1 document, made from the table of operations and the shapes that it names."""

from gatepass.web.management.openapi.document import describe

__all__ = ["describe"]
