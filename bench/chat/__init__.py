"""Conversation against a floor and two peers: CPU per durable message, deliveries per CPU second, latency, memory."""
