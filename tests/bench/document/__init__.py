"""What the document of the benchmarks says, and how it is drawn: one place for texts and aims."""
