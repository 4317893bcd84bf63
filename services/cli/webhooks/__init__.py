"""patchbay webhooks: subscriptions, what was sent to them, and a probe of receivers."""
