"""What a plan asks for: read, expanded, ordered, estimated, and what of it is still missing. Touches no device."""
