"""Search and browse: queries, ranking, facets and paging over the catalogue and the index."""
