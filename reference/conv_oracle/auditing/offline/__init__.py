"""Another machine: problems without their answers in a folder, and the verdict on what that machine answered."""

from conv_oracle.auditing.offline.arrays import ARRAYS
from conv_oracle.auditing.offline.choices import LEVELS, PARAMETERS, Choices
from conv_oracle.auditing.offline.exporting import Exported, export
from conv_oracle.auditing.offline.grading import grade

__all__ = ["ARRAYS", "LEVELS", "PARAMETERS", "Choices", "Exported", "export", "grade"]
