"""Accounts: who somebody is, with which devices, and how they prove it to this provider.

Words: `account` = a person as others must know them, a small log of its own; `device` = a key that signs for the
account; `voucher` = who says that a device belongs to the account; `handle` = the name that one types to sign in at
this provider, an alias that never decides authorship; `session` = a browser that has shown who it is.

A passkey at the account's home is that provider's own; one at another provider stands in the log,
where what it signed brings devices in (`standing.py`).

Invariants: passwords, sessions and codes are this provider's own and never become facts; a revoked device's later cores
are visible nowhere; the answer to a wrong handle and to a wrong password is the same and costs the same.
"""
