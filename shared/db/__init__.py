"""The truth: engine, tables, transactions, work lists, leases and the one place of ticket changes."""
