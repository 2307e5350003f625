"""From a query object to ranked hits with evidence."""
