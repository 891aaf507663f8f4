"""Exports for programs that search networks, predict latencies or simulate fleets: each in its own shape and units."""
