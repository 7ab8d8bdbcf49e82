"""The audit: problems, a subject in its sandbox, its answers against the truth, and the verdict."""

from conv_oracle.auditing.course import Progress
from conv_oracle.auditing.files import Destination
from conv_oracle.auditing.finding import Earlier, Evidence, Finding, IndexMap, Kind, Read, Repetition, Term
from conv_oracle.auditing.finding_out import TARGET_FILE, attempts, declared_in, target_file
from conv_oracle.auditing.journal import Journal
from conv_oracle.auditing.large import is_large
from conv_oracle.auditing.level import LEVELS, Level, LevelName
from conv_oracle.auditing.offline import ARRAYS, PARAMETERS, Choices, Exported, export, grade
from conv_oracle.auditing.operands import Gradients
from conv_oracle.auditing.options import DEFAULT_MEMORY, OPERATIONS, AuditOptions
from conv_oracle.auditing.plan import foresee
from conv_oracle.auditing.rounding import ALLOWED, DEFAULT, Beside, Rounding
from conv_oracle.auditing.run import audit
from conv_oracle.auditing.sandbox import PLAINLY, USES, Use, adopting
from conv_oracle.auditing.targets import DEFAULTS, ORDER, Words, adapt
from conv_oracle.auditing.verdict import Edges, Essential, Exercise, Ignored, Layers, Scope, Verdict

__all__ = [
    "ALLOWED",
    "ARRAYS",
    "DEFAULT",
    "DEFAULTS",
    "DEFAULT_MEMORY",
    "LEVELS",
    "OPERATIONS",
    "ORDER",
    "PARAMETERS",
    "PLAINLY",
    "TARGET_FILE",
    "USES",
    "AuditOptions",
    "Beside",
    "Choices",
    "Destination",
    "Earlier",
    "Edges",
    "Essential",
    "Evidence",
    "Exercise",
    "Exported",
    "Finding",
    "Gradients",
    "Ignored",
    "IndexMap",
    "Journal",
    "Kind",
    "Layers",
    "Level",
    "LevelName",
    "Progress",
    "Read",
    "Repetition",
    "Rounding",
    "Scope",
    "Term",
    "Use",
    "Verdict",
    "Words",
    "adapt",
    "adopting",
    "attempts",
    "audit",
    "declared_in",
    "export",
    "foresee",
    "grade",
    "is_large",
    "target_file",
]
