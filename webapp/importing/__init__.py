"""The bulk upload of a catalogue: its rows and media read, validated and written to the
database.
"""
