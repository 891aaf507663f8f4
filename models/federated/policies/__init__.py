"""Who takes part in a round and how: AutoFL, its design points, and what it is compared with."""
