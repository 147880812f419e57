"""Recording formats: one file each, found by name.

`sdr_detect.formats.find.open_recording` opens any of them.
"""
