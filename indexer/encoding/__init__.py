"""From a queued job to a searchable view: claim, decode, encode, store."""
