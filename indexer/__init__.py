"""Background work: import, encode, build indexes, change models, find lost work."""
