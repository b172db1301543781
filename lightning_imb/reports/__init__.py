"""Figures and tables from the files of finished runs; needs neither torch nor a trainer."""
