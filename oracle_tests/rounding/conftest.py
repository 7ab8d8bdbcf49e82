"""The simulated arithmetics are imported by subjects too, which stand alone: both find them beside this file."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
