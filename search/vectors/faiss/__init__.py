"""The index in FAISS files on local disk."""
