"""patchbay dead: rows that gave up, on every list."""
