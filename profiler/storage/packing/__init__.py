"""A run to share: what tells who and where is replaced, and the rest is one zip that opens elsewhere."""
