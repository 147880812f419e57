"""Noise reference, short-time spectra and fine envelopes."""
