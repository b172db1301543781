"""Factories of the data sets: each returns train, validation and test sources."""
