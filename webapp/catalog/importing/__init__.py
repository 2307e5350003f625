"""Reading a catalogue file: rows, their validation and their media. Knows nothing of the database."""
