"""Settings, read once at the start; rooms get plain values."""

from gatepass.settings.effective import Effective, effective
from gatepass.settings.model import (
    HostSettings,
    IssuerSettings,
    KeySettings,
    KeySource,
    LifetimeSettings,
    LimitSettings,
    Rate,
    Settings,
    SizeSettings,
    TimeoutSettings,
)
from gatepass.settings.reading import CONFIG_NAME, Problem, load, read

__all__ = [
    "CONFIG_NAME",
    "Effective",
    "HostSettings",
    "IssuerSettings",
    "KeySettings",
    "KeySource",
    "LifetimeSettings",
    "LimitSettings",
    "Problem",
    "Rate",
    "Settings",
    "SizeSettings",
    "TimeoutSettings",
    "effective",
    "load",
    "read",
]
