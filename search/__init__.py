"""The Omnishelf engine: decoding, encoders, vector indexes, ranking. It knows no web framework."""
