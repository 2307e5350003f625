"""What runs in the limited child process that reads a clip (`search/media/process.py`): one module for each task."""
