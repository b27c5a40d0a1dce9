"""Figures and tables from a finished run or a sweep."""
