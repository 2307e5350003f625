"""Encoders: one Protocol, several engines, chosen by preset."""
