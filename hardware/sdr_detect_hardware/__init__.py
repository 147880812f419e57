"""Capture drivers: one file a source, found by URI scheme."""
