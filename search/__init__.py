"""The Omnishelf engine: decoding, encoders, vector indexes and the query pipeline, without any
web framework.
"""
