"""What reads the catalogue. Functions take keywords, never write, and never query inside a loop
over rows.
"""
