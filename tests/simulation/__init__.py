"""The seeded simulator: three providers and three devices, on the production log and the production exchange.

One seed is one schedule: time, chance, lines and disks are virtual, so it runs the same way again. First safety under
the faults that the seed brings, then everything heals, then the invariants are checked (invariants.py).
"""
