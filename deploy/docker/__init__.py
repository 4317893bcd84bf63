"""What the images hold beside Patchbay itself."""
