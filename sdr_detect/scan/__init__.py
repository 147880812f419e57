"""Where a receiver listens and when: dwell plans, the log of them, what they would meet."""
