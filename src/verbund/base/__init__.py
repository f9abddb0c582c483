"""Ids, clock, canonical bytes, keys, refusals. Knows no framework and no other part of Verbund."""
