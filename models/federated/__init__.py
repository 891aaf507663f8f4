"""Federated learning on a measured fleet: who takes part, on which processor, with how much work."""
