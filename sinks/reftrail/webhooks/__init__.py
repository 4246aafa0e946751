"""Outbound webhooks: records of public topics, sent to receivers over HTTP, at least once each."""
