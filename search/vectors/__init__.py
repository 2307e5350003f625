"""Vector storage and search: immutable segments in published generations, and a delta.

`backends` opens what the settings choose, `contract` says what every backend offers.
"""
