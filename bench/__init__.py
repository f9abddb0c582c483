"""Measurements against peers and limits; `make bench`. Results go to bench/results."""
