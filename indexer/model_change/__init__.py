"""Change to another model: encode, build, compare, and switch if it is not worse."""
