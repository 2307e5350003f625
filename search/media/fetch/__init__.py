"""Downloads media from URLs that strangers name."""
