"""Soak test: mixed load on the real components, checked by an exact oracle."""
