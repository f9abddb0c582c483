"""How much the app loads, how fast a large space opens, how fast a second start is."""
