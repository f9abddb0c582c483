"""Video calls: how long from the click on "Beitreten" to the other's first picture."""
