"""Evaluation of the whole path: imported, encoded, indexed and asked as the shop does it."""
