"""Everything that puts Patchbay on a machine: today, the private servers of a checkout."""
