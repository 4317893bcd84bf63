"""Intake takes tickets and configuration in over HTTP.

Consumes no list. Writes teams, skills, agents, subscriptions, routing_rules and idempotency_keys,
and tickets through `shared.db.ticket_changes`. Rings `routing`, `matching` and `events`.
"""
