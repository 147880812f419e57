"""Seeded scenes with known truth, seen by a receiver with known faults."""
