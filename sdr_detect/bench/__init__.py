"""What the program costs beside what a user would take instead, on one core.

It stands outside the core: it makes files, starts processes and reads clocks.
"""
