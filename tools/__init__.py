"""Benchmarks, the sample shop and the training of the bundled weights.

Installed shops do not use them: the product works without this folder, and the Docker image leaves
it out.
"""
