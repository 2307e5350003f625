"""Bulk uploads: rows and media of a catalogue are read, validated and written."""
