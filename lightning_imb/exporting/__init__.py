"""Finished runs as files that predict without this package: made, checked, and opened again."""
