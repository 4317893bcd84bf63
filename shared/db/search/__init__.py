"""Full-text search over tickets: documents, their index, and how it follows the feed."""
