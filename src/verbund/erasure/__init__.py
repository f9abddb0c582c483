"""Erasures that were ordered: carried out to the last byte at every provider, confirmed by each, shown to who leads.

Words: `order` = a fact says that all that somebody wrote in a space up to a time goes (spaces/events.py; carried out
by the log, see log/forgetting.py); `confirmation` = a provider says that nothing of it is left on its disks; `ledger` =
the orders of a space and who has confirmed them.

Invariant: a provider confirms only after bodies, index, write-ahead log, blobs and films are gone here.
"""
