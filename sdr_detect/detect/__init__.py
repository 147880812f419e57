"""Detectors: one file each, found by name."""
