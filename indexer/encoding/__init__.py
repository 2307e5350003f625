"""Claim → decode → encode → store: the way of a content from a queued job to a searchable view."""
