"""What federated devices train: data and who holds it, networks, local training, and how updates become one model."""
