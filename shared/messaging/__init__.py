"""The only door to Dramatiq and RabbitMQ: doorbells out, doorbells in, and what repairs a lost one."""
