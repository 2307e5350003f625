"""Mixed load on the real parts with an exact oracle beside it: what is promised of the index
while everything moves.
"""
