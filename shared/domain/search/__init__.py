"""Full-text search without I/O: words and their stems, questions, highlights."""
