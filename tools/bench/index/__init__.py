"""Our vector index beside raw FAISS and other libraries, on the same vectors and queries in one
run.
"""
