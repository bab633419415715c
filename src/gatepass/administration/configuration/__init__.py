"""Files as configuration: what is wanted, what there is, and the plan that leads from one to the other."""

from gatepass.administration.configuration.applying import Configuration
from gatepass.administration.configuration.files import SHAPES, Source, schema_of
from gatepass.administration.configuration.plans import Change, Member, Missing, Plan

__all__ = ["SHAPES", "Change", "Configuration", "Member", "Missing", "Plan", "Source", "schema_of"]
