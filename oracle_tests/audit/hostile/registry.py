"""Placeholder."""
SUBJECTS = ()
