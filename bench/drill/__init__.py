"""How long people are interrupted when their provider dies, falls silent, or is gone when they open the app."""
