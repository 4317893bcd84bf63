"""The HTTP API: one module a resource, and what all of them share."""
