"""Speech to text: one Protocol, a bundled engine, and Whisper if its weights are installed."""
