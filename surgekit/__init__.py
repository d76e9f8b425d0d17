"""SurgeKit: load testing and chaos for card platforms."""

__version__ = "0.1.0"
