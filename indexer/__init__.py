"""Background work: import, encode, build and publish indexes, sweep for lost work."""
