"""The subjects of this folder, of makers who knew neither the catalogue's explanations nor how they are chosen."""

from audit.described.described import Described
from audit.described.later.registry_forward import FORWARD

SUBJECTS: tuple[Described, ...] = FORWARD
