"""Ways to reach somebody: each channel takes one message and says what became of it."""
