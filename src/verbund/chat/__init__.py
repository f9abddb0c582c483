"""Conversation in a space.

Words: `channel` (Thema) = a line of conversation, the main one ("Allgemein") needs no fact; `message` (Nachricht);
`reaction`; `read mark` (Lesezeichen) = up to where a person has read, kept in the personal space.

Invariants: only the author edits; a withdrawn message leaves a tombstone and no text anywhere; every row follows
from the log in any order of arrival.
"""
