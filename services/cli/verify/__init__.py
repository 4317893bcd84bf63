"""patchbay verify: whether an installation is sound, and mending what is not."""
