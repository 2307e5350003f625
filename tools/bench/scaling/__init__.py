"""Cost and quality of the index by size, and its robustness to killed builds and damaged files."""
