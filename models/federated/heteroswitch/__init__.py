"""HeteroSwitch: federated learning over cameras that differ, generalised only where a device is favoured."""
