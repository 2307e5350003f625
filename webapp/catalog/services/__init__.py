"""What changes the catalogue. Functions are named <entity>_<action>, take keywords, and raise
OmnishelfError.
"""
