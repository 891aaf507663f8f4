"""The virtual phone: a tree that its kernel keeps current, a shell in it, and a benchmark_model that really runs."""
