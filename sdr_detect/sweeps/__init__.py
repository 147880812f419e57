"""Power sweeps that other programs wrote: one format a file, like `sdr_detect.formats` for IQ."""
