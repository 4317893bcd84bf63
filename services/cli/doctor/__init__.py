"""patchbay doctor: what is wrong around an installation, why that matters, and the way out."""
