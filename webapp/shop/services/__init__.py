"""Changes to what the shop itself records."""
