"""Janus: the one adapter to it, its configuration, its sandbox, and the supervisor that keeps it alive."""
