"""What an experiment found, as a document, a table for the terminal and a page to mail."""
