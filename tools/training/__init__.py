"""Training of the weights that the repository ships."""
