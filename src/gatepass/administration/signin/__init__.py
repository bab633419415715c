"""Signing in: one-time codes, passwords, sessions, and who presents which credential."""

from gatepass.administration.signin.codes import Code, Codes
from gatepass.administration.signin.sessions import Passwords, Sessions, Stranger

__all__ = ["Code", "Codes", "Passwords", "Sessions", "Stranger"]
