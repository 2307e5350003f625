"""Rows that one process at a time may work on, and how a dead process is found."""
