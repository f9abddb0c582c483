"""The operator's own drill: "pull the plug". This provider falls silent for some seconds while its partner takes over.

The server is stopped (SIGSTOP) as a frozen machine would be; whatever happens to this command, it goes on by itself. A
firm of the drill's own, which lives at both providers, writes and reads meanwhile. Nothing in the server knows of it.
"""
