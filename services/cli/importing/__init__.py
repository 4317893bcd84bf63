"""patchbay import: tickets out of a file, through the bulk API of a desk."""
