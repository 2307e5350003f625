"""Accuracy and speed of speech recognition for spoken queries."""
