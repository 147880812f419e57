"""``python -m sdr_detect``."""

from sdr_detect.cli import main

main()
