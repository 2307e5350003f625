"""Vector storage and search: immutable segments, published generations, and a delta of newer
vectors.

`backends` opens what the settings choose, `contract` says what every backend offers.
"""
