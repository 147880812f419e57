"""From full scale to physical units: what a receiver's calibration says, and how well.

Nothing here opens a device or a recording: estimates come from arrays and blocks,
levels and limits from numbers. Every number has a standard uncertainty; what is
stated to a reader is expanded with k = 2 (ISO/IEC Guide 98-3).
"""
