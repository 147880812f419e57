"""What is measured on a track: one file each."""
