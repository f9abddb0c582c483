"""Other providers that hold replicas of the same spaces, and the exchange with them.

Words: `partner` = a provider that a space names beside this one; `digest` = what a partner may have, with how far it
goes; `pull` = fetching what a vector does not cover.

Invariants: a partner gets what its spaces name it for, and nothing else; it can withhold, never forge. Whatever comes
from it goes through `log.accept`. Continuous push is not here yet: pull alone is the truth.
"""
