"""The management API: who asks, what exactly, and the answer; every decision is administration's."""

from gatepass.web.management.router import build

__all__ = ["build"]
