"""Rows of days for other programs: one module a format."""
