"""Figures of the desk for its metrics: what lies in the database, read by one process for all."""
