"""The API described to those who use it: OpenAPI, and pages to read it."""
