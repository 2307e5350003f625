"""The limited process that decodes a clip: its runner, its protocol, and one module per task."""
