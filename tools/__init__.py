"""What a merchant never runs: benchmarks, the sample shop, training of the bundled weights.

The product works without this folder, and the Docker image leaves it out.
"""
