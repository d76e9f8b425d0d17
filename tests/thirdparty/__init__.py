"""Shops of other people, installed from the package registries and run on loopback, unmodified."""
