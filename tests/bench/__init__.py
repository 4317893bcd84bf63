"""Measurements against baselines in the same run, on the same machine."""
