"""The soak: half of the maximum rate for long, and whether anything but the history grows."""
