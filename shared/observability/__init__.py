"""What an operator sees of a running Patchbay: logs, metrics, health."""
