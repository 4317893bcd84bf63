"""Mails to owners of webhooks: that one fails, was disabled, or is back."""
