"""Recording formats: one file each, found by name."""
