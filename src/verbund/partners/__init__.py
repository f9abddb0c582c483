"""Other providers that hold replicas of the same spaces, and the exchange with them.

Words: `partner` = a provider that a space names beside this one; `link` = the one socket of two providers; `digest` =
how far one's copies go, with the chain there; `push` = an entry that goes out as soon as it is committed; `want` =
asking for what a vector does not cover; `head` = the chain up to a place of a sub-log, as its provider signed it;
`durable` = on disk at as many providers as the space demands.

Invariants: a partner gets what its spaces name it for, and nothing else; it can withhold, never forge. Push is for
latency, what vectors say is the truth. Whatever comes from a partner goes through `log.accept`; a slow or dead one
costs a bounded queue and never a commit.
"""
