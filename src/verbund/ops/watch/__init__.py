"""The operator's view: how everything stands in numbers, and what is wrong in one plain sentence each.

Words: a *picture* is all numbers at one moment; the *judge* makes findings of it; an *alarm* is a finding that has
stayed long enough to be told, and it is over once all has been well for long enough.

Invariant: nothing here names a person, a space or what anybody wrote.
"""
