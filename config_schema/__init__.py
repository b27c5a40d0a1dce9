"""The schema of a config: the signatures of the classes and functions that it names."""

from config_schema.complaints import ConfigError, complaint
from config_schema.components import Component, Made
from config_schema.signatures import read, read_plain

__all__ = ["Component", "ConfigError", "Made", "complaint", "read", "read_plain"]
