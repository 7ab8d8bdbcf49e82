"""What an export is of: the options that decide which problems are written, and how another machine is called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from conv_oracle.auditing.offline.arrays import ARRAYS
from conv_oracle.auditing.options import AuditOptions
from conv_oracle.auditing.plan import Met
from conv_oracle.auditing.problems import layer
from conv_oracle.auditing.rounding import DEFAULT
from conv_oracle.auditing.sandbox import Introduction, bindings
from conv_oracle.auditing.targets import GEOMETRY, ORDER
from conv_oracle.errors import TargetError

PARAMETERS = ("bias", *GEOMETRY)
"""What another machine may lack, besides operands and sizes."""

LEVELS = ("quick", "standard", "exhaustive")

UNSEEN = (
    "answers were recorded: state between calls, memory layouts, ways of calling, repeated calls, "
    "memory beside the operands and isolation were not seen"
)
ASKED_ONCE = "nothing could be asked again: smaller problems, exact constants and what tells alike faults apart"
"""What an audit of recorded answers cannot see."""


@dataclass(frozen=True, kw_only=True)
class Choices:
    """The options of an export; each is as in AuditOptions, but for these.

    op: the operation's name. level: its name. arrays: 'npy' or 'safetensors', how operands are written.
    parameters: those of PARAMETERS that the other machine takes; the others are left at their default.
    """

    op: str
    level: str = "quick"
    dtypes: tuple[str, ...] = ("float32",)
    seed: int = 0
    arithmetic: str = DEFAULT
    fix: str = ""
    parameters: tuple[str, ...] = PARAMETERS
    arrays: str = "npy"

    def options(self, directory: Path) -> AuditOptions:
        """The options of the audit. Raises TargetError for one that is invalid."""
        for name, value, known in (("level", self.level, LEVELS), ("arrays", self.arrays, (*ARRAYS,))):
            if value not in known:
                raise TargetError(
                    f"{name} of an export is one of {', '.join(known)}: {name}={value!r}; {known[0]} would fit"
                )
        for one in self.parameters:
            if one not in PARAMETERS:
                raise TargetError(
                    f"parameters are some of {', '.join(PARAMETERS)}: parameter={one!r}; stride would fit"
                )
        made = AuditOptions(
            target=f"{directory}:{self.op}",
            op=self.op,  # type: ignore[arg-type] # a name is taken
            level=self.level,  # type: ignore[arg-type] # a name is taken
            dtypes=self.dtypes,
            seed=self.seed,
            arithmetic=self.arithmetic,
            fix=self.fix,
            jobs=1,
        )
        for dtype in made.dtypes:
            if dtype in ARRAYS[self.arrays].lacks:
                raise TargetError(f"{self.arrays} has no {dtype}: arrays={self.arrays!r}; 'npy' would fit")
        return made

    def met(self, options: AuditOptions) -> Met:
        """The other machine, as if it had been met: it takes these parameters, and all dtypes."""
        order = ORDER[options.op.nd_name]
        taken = [name for name in order if name not in PARAMETERS or name in self.parameters]
        signature = tuple((name, "POSITIONAL_OR_KEYWORD", name in PARAMETERS) for name in taken)
        (binding,) = bindings(signature, options.op)
        if options.fix:
            binding = replace(binding, layer=layer(options.op, options.fix))
        told = (UNSEEN, ASKED_ONCE, *binding.limits(options.op))
        return Met(Introduction(signature, {}, ""), binding, options.dtypes, None, told)

    def written(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)

    @classmethod
    def read(cls, told: Mapping[str, Any]) -> Choices:
        """What `written` gave. Raises TypeError for what it cannot have given."""
        lists = {name: tuple(told[name]) for name in ("dtypes", "parameters") if name in told}
        return cls(**{**told, **lists})
