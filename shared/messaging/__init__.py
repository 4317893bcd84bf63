"""The only door to Dramatiq and RabbitMQ: doorbells out and in, and what repairs lost ones."""
