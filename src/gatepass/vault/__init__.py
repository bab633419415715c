"""Custody of other people's secrets, sealed until the moment of use."""

from gatepass.keys import SealedSecret
from gatepass.vault.custody import Custody
from gatepass.vault.secret import Secret

__all__ = ["Custody", "SealedSecret", "Secret"]
