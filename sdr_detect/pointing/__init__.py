"""Where the antenna points: typed in, read from a table, or asked of a rotator."""
