"""Evaluation of the whole path: import, encode, index and search as the shop does."""
