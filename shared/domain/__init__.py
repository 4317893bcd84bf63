"""Pure values and rules of a support desk; nothing here does any I/O."""
