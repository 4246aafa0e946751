"""Host of codes: relay to Kafka, registrar of those who sign up, and its HTTP endpoints."""
