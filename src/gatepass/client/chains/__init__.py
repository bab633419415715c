"""Capabilities in their holder's hands: told in words, narrowed, sealed and handed on, with no network."""

from gatepass.client.chains.carrying import Carrier
from gatepass.client.chains.narrowing import (
    Chain,
    Handover,
    Less,
    add_duties,
    hand_on,
    narrow,
    read_chain,
    seal,
    take,
)
from gatepass.client.chains.telling import Told, in_words, tell

__all__ = [
    "Carrier",
    "Chain",
    "Handover",
    "Less",
    "Told",
    "add_duties",
    "hand_on",
    "in_words",
    "narrow",
    "read_chain",
    "seal",
    "take",
    "tell",
]
