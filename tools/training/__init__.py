"""Training of encoder heads on frozen towers."""
