"""Analyses of finished runs: what is computed of one, what is compared over a sweep."""
