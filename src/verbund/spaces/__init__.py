"""Spaces: where people belong, and what they may do there.

Words: `authority` = members, roles, invitations and providers of a space, a pure function of its authority facts;
`role` = owner > admin > member > guest; `ability` = one thing that somebody may do, computed once and sent along;
`cut` = the number after which a removed person's device counts no more.

Invariants: the same authority facts give the same authority in any order; a removal wins over what the removed did
concurrently; who does not belong to a space learns nothing of it, not even that it exists; an invitation is checked for
expiry and uses where it is used, for its signature everywhere.
"""
