"""Verbund: the open, self-hosted suite whose spaces live at several providers."""

__version__ = "0.1.0"
