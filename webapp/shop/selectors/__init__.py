"""Reads of what the shop itself records."""
