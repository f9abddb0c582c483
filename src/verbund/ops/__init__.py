"""What the operator of an installation does from outside: check it, back it up, restore it, write its protocol down.

Words: a *finding* is one sentence of the check-up; a *backup* is a folder with a manifest of everything in it; a
*restore* begins a new incarnation, for a copy of the past must not go on under the name that others know further.
"""
