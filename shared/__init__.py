"""What the three services have in common: values, schemas, data, messaging, observability."""
