"""What was measured from sitting to sitting: kept, and asked for what changed and how much sittings differ."""
