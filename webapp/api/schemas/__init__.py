"""Schemas of the API: they validate requests, write answers and describe both in OpenAPI."""
