"""patchbay verify --chaos: proof by traffic and kills, on a throwaway copy of a configuration."""
