"""What can be said of many runs together: selections, groups of seeds, intervals. Pure functions; no I/O, no HTML."""
