"""Evidence that stands up: cases, sealed packages, and their check by a stranger."""
