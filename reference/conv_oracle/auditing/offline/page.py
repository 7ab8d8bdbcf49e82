"""The page that an export has for whoever answers it."""

from __future__ import annotations

from conv_oracle.auditing.offline.arrays import CODES
from conv_oracle.auditing.offline.choices import Choices

PAGE = """\
# Problems of convolution, without their answers

{problems:,} problems of `{op}` ({dtypes}; {calls:,} calls, {size:.0f} MB of operands), written by conv-oracle for a
machine that cannot be audited directly. Compute each on your device, at leisure; then `conv-oracle grade` of this
folder says whether the right numbers are combined. Nothing here tells what is right.

`index.json` lists the problems. Each has an `id`; `operation`, `parameters` and `dtype`, in PyTorch's words; and
`operands`, with the `file`{array} of each. Operands are little-endian, in C order, and have one axis more in front:
`calls`, as every problem is asked with several sets of values. Call number n takes the n-th of each operand.

1. With Python: edit one line of `answer.py`, and run it. It needs {libraries}, and continues where it was stopped.
2. Without: for every problem, compute all calls, and write the results, stacked along a first axis `calls`, where
   `answer` says: {where}. If the results of a problem differ in shape or dtype, write call n
   as `<id>.n` instead. Any number of files in `results/` will do, .npy or .safetensors.
3. What your device does not support is no fault: any `results/*.json` may say `{{"p00012": {{"refused": "why"}}}}`, and
   `{{"p00012": {{"raised": "ValueError: why"}}}}` what failed. Some problems have no output: refuse them.
4. `conv-oracle grade` of this folder. What is missing is counted; wrong shapes and dtypes are told like wrong numbers.

{codes}Operands must not change: `sha256` in the index is of the line `id.operand dtype 2x3x4` (with its shape, and a
newline behind it) and the operand's bytes, one operand after the other.
"""

BITS = """\
NumPy has no {names}: in a .npy file they are the bits, as {codes}.

"""


def page(choices: Choices, problems: int, calls: int, size: int) -> str:
    """The page's text. size: the bytes of all operands."""
    lacking = {dtype: bits for dtype, bits in CODES.items() if dtype in choices.dtypes}
    whole = choices.arrays == "safetensors"
    said = BITS.format(names=", ".join(lacking), codes=", ".join(dict.fromkeys(lacking.values())))
    return PAGE.format(
        problems=problems,
        op=choices.op,
        dtypes=", ".join(choices.dtypes),
        calls=calls,
        size=size / 1e6,
        array=" and the name of the `array` in it" if whole else "",
        where="an array named as the `id`, in `results/<chunk>.safetensors`" if whole else "`results/<id>.npy`",
        libraries="NumPy and ml_dtypes" if lacking else "NumPy alone",
        codes=said if lacking and not whole else "",
    )
