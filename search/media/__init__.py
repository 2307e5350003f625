"""Bounded decoding of untrusted media."""
