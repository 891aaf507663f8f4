"""Any command as a workload: executed afresh for every repeat, its windows from what it marks or sums up."""
