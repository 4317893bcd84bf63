"""The truth: engine, tables, work lists, leases, and the one place of ticket changes."""
