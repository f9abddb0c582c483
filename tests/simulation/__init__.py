"""The seeded simulator: two providers and three devices, on the production log, under every fault that a seed brings.

One seed is one schedule: time, chance and the network are virtual, so it runs the same way again. First safety under
faults, then everything heals, then the invariants of verbund's log are checked (invariants.py).
"""
