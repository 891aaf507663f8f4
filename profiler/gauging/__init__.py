"""What a sensor is like: found from its readings while a load of known shape runs, or from a meter beside it."""
