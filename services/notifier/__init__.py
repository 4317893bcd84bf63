"""The notifier tells everybody who must know, by webhook and by e-mail.

Consumes the lists `events` (to fan out), `webhook` and `email` (to deliver). Writes deliveries and
delivery_attempts, empties event_outbox, and disables subscriptions whose receiver is gone.
"""
