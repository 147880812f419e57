"""Receive-only detection of transmitting satellite user terminals."""

__version__ = "0.1.0"
