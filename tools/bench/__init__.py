"""Benchmarks that run the product's own processes in a throw-away installation."""
