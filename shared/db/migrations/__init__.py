"""Alembic migrations; they travel inside the package so that `patchbay migrate` needs no files."""
