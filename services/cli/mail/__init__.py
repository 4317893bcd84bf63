"""patchbay mail."""
