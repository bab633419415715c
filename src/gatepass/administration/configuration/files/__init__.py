"""The files of a configuration: their shapes, how they are read, and how what there is is written as files."""

from gatepass.administration.configuration.files.reading import Source
from gatepass.administration.configuration.files.shapes import SHAPES, schema_of

__all__ = ["SHAPES", "Source", "schema_of"]
