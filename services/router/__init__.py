"""The router decides who gets a ticket.

Consumes the lists `routing` (tickets to route) and `matching` (agents and requirements to match).
Writes decisions and requirements itself, and tickets, assignments and load through
`shared.db.ticket_changes`. Rings `events`, `matching` and `routing`.
"""
