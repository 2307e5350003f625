"""A sample shop that the project draws, renders and synthesises itself."""
