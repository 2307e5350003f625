"""Segments on a GPU: scanned whole, as IVF-PQ lists, or as a CAGRA graph.

docs/adr/0014-gpu-segments.md says which serves when. The published files are the same with and
without a GPU; the processor answers from them what a GPU cannot answer or has no room for.
"""
