"""The log: all that lasts in a space, in the order in which this provider and its partners took it in.

Words: `core` = an event signed by the device that authored it; `parcel` = core, signature, salt and body on their way;
`entry` = a provider's envelope around a core, its place in that provider's sub-log of the space; `fold` = entries →
tables; `void` = a refused core, kept as a header so that its number stays used.

Invariants: bytes are signed and kept, never written anew; a number once used is never used again; what was
acknowledged is on disk; every fold gives the same rows in any order of arrival. The log knows no capability: they
register with it.
"""
