"""Desktop window."""
