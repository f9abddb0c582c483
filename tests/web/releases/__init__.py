"""Stores as earlier releases left them, as SQL."""
