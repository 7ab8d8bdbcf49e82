"""What a run compared: counts per operation and parameter, added up over nodes and workers, and the table of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from conv_oracle.problem import Problem

KEY = "conv_oracle_tally"
"""The name under which a node reports its tally in its test's user_properties."""

OPERATIONS = tuple(f"{family}{d}d" for family in ("conv", "conv_transpose") for d in (1, 2, 3))
TOTALS = ("problems", "outputs compared", "against the definition", "double backward", "by the error bound")
PARAMETERS = (
    "stride > 1",
    "stride > kernel",
    "dilation > 1",
    "padding",
    "padding >= kernel",
    "asymmetric padding",
    "reflect",
    "replicate",
    "circular",
    "'same'",
    "'valid'",
    "remainder",
    "kernel spans input",
    "output_padding",
    "groups",
    "depthwise",
    "no bias",
    "batch 0",
    "unbatched",
    "float64",
    "float32",
    "complex128",
    "complex64",
    "bfloat16",
    "float16",
    "oneDNN",
    "channels_last",
)
_FLAGS = ("oneDNN", "channels_last")


@dataclass
class Tally:
    """Counts by (operation, row of the table), and the witness's faults as (known, line)."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: list[tuple[bool, str]] = field(default_factory=list)
    _shapes: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)

    def problem(self, problem: Problem, outputs: int, *, double: bool, flags: tuple[str, ...] = ()) -> None:
        """Count a problem whose passes were compared, `outputs` numbers in all."""
        self._shapes[problem.operation.name, (*_features(problem), *flags)] += 1
        self.counts[problem.operation.name, "outputs compared"] += outputs
        if double:
            self.counts[problem.operation.name, "double backward"] += 1

    def count(self, problem: Problem, row: str) -> None:
        """Count a problem in one of the TOTALS."""
        self.counts[problem.operation.name, row] += 1

    def as_json(self) -> dict[str, Any]:
        """Plain lists, for a test's report."""
        counts = Counter(self.counts)
        for (operation, features), n in self._shapes.items():
            counts[operation, "problems"] += n
            for row in features:
                counts[operation, row] += n
        return {"counts": [[*key, n] for key, n in counts.items()], "faults": [list(fault) for fault in self.faults]}

    def add(self, report: dict[str, Any]) -> None:
        """Add what another tally reported."""
        for operation, row, n in report["counts"]:
            self.counts[operation, row] += n
        self.faults += [(known, line) for known, line in report["faults"]]

    def table(self, *, seed: int) -> list[str]:
        """The coverage table, at most 100 columns wide."""
        lines = [f"{'':22s}" + "".join(f"{_short(operation):>12s}" for operation in OPERATIONS)]
        for rows in (TOTALS, PARAMETERS):
            lines += [
                f"{row:22s}" + "".join(f"{self.counts[operation, row]:12,d}" for operation in OPERATIONS)
                for row in rows
            ] + [""]
        totals = {row: sum(self.counts[operation, row] for operation in OPERATIONS) for row in TOTALS}
        lines.append(
            f"{totals['problems']:,} problems and {totals['outputs compared']:,} outputs equal to torch's, "
            f"{totals['double backward']:,} with double"
        )
        lines.append(f"backward; {totals['against the definition']:,} also equal to the definition; seed {seed}")
        known = [line for is_known, line in self.faults if is_known]
        new = [line for is_known, line in self.faults if not is_known]
        lines.append(f"faults of the witness: {len(known)} known, {len(new)} NEW")
        lines += [f"  NEW  {line}" for line in sorted(new)]
        lines += [f"  known  {n} x {cause}" for cause, n in sorted(Counter(known).items())]
        return lines


def _short(operation: str) -> str:
    return operation.replace("conv_transpose", "transpose")


def _features(p: Problem) -> tuple[str, ...]:
    return _features_of(
        p.transposed,
        len(p.input_shape) - p.dimensions,
        p.input_shape,
        p.weight_shape,
        p.stride,
        p.padding,
        p.output_padding,
        p.dilation,
        p.groups,
        p.padding_mode,
        p.bias,
        p.dtype,
    )


def _features_of(
    transposed: bool,
    front: int,
    x: tuple[int, ...],
    w: tuple[int, ...],
    stride: tuple[int, ...],
    padding: Any,
    output_padding: tuple[int, ...],
    dilation: tuple[int, ...],
    groups: int,
    mode: str,
    bias: bool,
    dtype: str,
) -> tuple[str, ...]:
    kernel = w[2:]
    found = [dtype]
    if isinstance(padding, str):
        found.append(f"'{padding}'")
        padding = ((0, 0),) * len(kernel)
    axes = list(zip(x[front:], kernel, stride, padding, dilation, strict=True))
    if max(stride) > 1:
        found.append("stride > 1")
        if any(s > k for _, k, s, _, _ in axes):
            found.append("stride > kernel")
    if max(dilation) > 1:
        found.append("dilation > 1")
    if any(max(pair) for pair in padding):
        found.append("padding")
        if any(max(pair) >= k for _, k, _, pair, _ in axes):
            found.append("padding >= kernel")
        if any(before != after for before, after in padding):
            found.append("asymmetric padding")
    if mode != "zeros":
        found.append(mode)
    if not transposed:
        over = [i + before + after - d * (k - 1) - 1 for i, k, _, (before, after), d in axes]
        if any(o % s for o, s in zip(over, stride, strict=True)):
            found.append("remainder")
        if 0 in over:
            found.append("kernel spans input")
    if max(output_padding):
        found.append("output_padding")
    if groups > 1:
        found.append("groups")
        if w[1 if not transposed else 0] == (1 if not transposed else groups):
            found.append("depthwise")
    if not bias:
        found.append("no bias")
    if front == 1:
        found.append("unbatched")
    elif x[0] == 0:
        found.append("batch 0")
    return tuple(found)
