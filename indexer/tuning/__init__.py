"""Tuning: heads learned from the merchant's own catalogue, judged on held-out products,
published as a space.
"""
