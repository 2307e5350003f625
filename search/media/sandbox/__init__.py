"""What runs in the limited child process that reads a clip (`search/media/sandbox/runner.py`):
one module for each task.
"""
