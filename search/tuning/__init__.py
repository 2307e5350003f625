"""Training of projection heads on features of frozen towers."""
