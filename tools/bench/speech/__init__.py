"""How well and how fast spoken queries are written down."""
