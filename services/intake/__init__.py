"""Intake takes tickets and configuration in over HTTP.

Consumes `scanning`, in the processes that answer: who takes files in sees to them. Writes teams,
skills, agents, subscriptions, routing_rules, idempotency_keys, uploads and what the scan says of
attachments; tickets and attachments through `shared.db.ticket_changes`. Rings `routing`,
`matching`, `events` and `scanning`.
"""
