"""Vector storage and search: immutable FAISS segments, published generations, and a delta of what is newer."""
