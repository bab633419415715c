"""Small documents that we fetch ourselves, such as other issuers' keys: through the same guarded door."""

from gatepass.outbound.documents.fetching import DocumentFetcher

__all__ = ["DocumentFetcher"]
