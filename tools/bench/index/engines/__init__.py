"""One adapter for every engine that takes part."""
