"""Queries of the catalogue. Functions never write, and never query in a loop over rows."""
