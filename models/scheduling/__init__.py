"""Where to execute a network: the phone's processors, a device beside it, or the cloud (AutoScale)."""
