"""The planted faults that are no edit of the index map."""

from audit.planted.plant import Plant

PLANTS: tuple[Plant, ...] = ()
