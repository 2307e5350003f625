"""Answers for shoppers and services: the engine's ranking joined with the catalogue."""
