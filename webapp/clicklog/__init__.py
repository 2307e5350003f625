"""The click log: which products were opened from the results of which text queries."""
