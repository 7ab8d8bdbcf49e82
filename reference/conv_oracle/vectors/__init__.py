"""The golden vectors as files: where they are, and all of them, read and verified.

An installed package has them in `data` beside this module; a checkout has them in `fixtures/`. README.md there says
what they are.
"""

from pathlib import Path

from conv_oracle.golden import Family
from conv_oracle.golden import load as load_from

INSTALLED = Path(__file__).parent / "data"
CHECKOUT = Path(__file__).parents[3] / "fixtures"

__all__ = ["directory", "load"]


def directory() -> Path:
    """The folder that holds `index.json`, every file that it names, the schema and the page."""
    return INSTALLED if INSTALLED.is_dir() else CHECKOUT


def load() -> dict[str, Family]:
    """Every family by its name. Raises FixtureError, naming the file and the case, where one is not as written."""
    return {family.name: family for family in load_from(directory())}
