"""Who runs the rounds: a loop of this process, and Flower."""
