"""Evaluation folders, ranking metrics and the evaluation of an encoder alone."""
