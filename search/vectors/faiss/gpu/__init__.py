"""Segments on a GPU, behind the contract of all others: scanned whole, as IVF-PQ lists, or as a
CAGRA graph.

docs/adr/0014-gpu-segments.md says which serves when. Nothing here changes what is published: the
files are the same, and what a GPU cannot answer, or has no room for, the processor answers from
them.
"""
