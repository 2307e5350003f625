"""Changes of the catalogue. Functions are named verb first and raise OmnishelfError."""
