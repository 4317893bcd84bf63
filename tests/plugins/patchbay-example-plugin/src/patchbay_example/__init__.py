"""Example plugins for Patchbay."""
