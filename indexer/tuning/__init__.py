"""Tune the encoder's heads to the merchant's catalogue."""
