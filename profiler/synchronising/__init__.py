"""The offset between the clocks of a meter and of the device it feeds, from pulses of load that both of them saw."""
