"""Benchmarks of the product; some run its processes in a temporary installation."""
