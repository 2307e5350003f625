"""A change of model: the new space is made beside the one in use, judged by questions, and
swapped in or refused.
"""
