"""Compare our vector index with raw FAISS and other libraries, on the same vectors and queries."""
