"""The index in Milvus, for catalogues that outgrow one machine.

Only `backends` imports it, and only where the settings choose it.
"""
