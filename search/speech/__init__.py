"""Spoken words to text: one Protocol, an engine that comes with the product, and Whisper where
its weights are.
"""
