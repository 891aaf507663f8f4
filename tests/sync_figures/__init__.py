"""How well a meter is synchronised with the device it feeds, on the lab's timeline: `python -m tests.sync_figures`."""
