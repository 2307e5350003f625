"""Ranking metrics and evaluation folders."""
