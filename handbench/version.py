"""The one place that states handbench's version."""

__version__ = "0.1.0"
