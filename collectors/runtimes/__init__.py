"""What executes a network: LiteRT in a process of its own."""
