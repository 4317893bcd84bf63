"""What a RabbitMQ of one's own is told: settings, account, policies."""
