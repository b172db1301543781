"""Figures of the analyses, drawn from arrays and tables."""
