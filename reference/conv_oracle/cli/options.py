"""The options of the command, each stated once, for every subcommand that takes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from conv_oracle.auditing import ALLOWED, DEFAULT, OPERATIONS, PARAMETERS, Words

OPTIONS: Mapping[str, Callable[[Any], Any]] = {
    "command": click.option(
        "--command",
        default="",
        metavar="COMMAND",
        help="In place of a target, what starts a program in any language that answers by reference/PROTOCOL.md, such "
        "as 'node conv.js'.",
    ),
    "op": click.option(
        "--op",
        metavar="OP",
        help=f"The operation: one of {', '.join(OPERATIONS)}. By default inferred from the target's name.",
    ),
    "arrays": click.option(
        "--arrays",
        default="numpy",
        show_default=True,
        metavar="numpy|torch",
        help="The arrays that the subject takes and returns.",
    ),
    "dtypes": click.option(
        "--dtype", "dtypes", multiple=True, metavar="D", help="The operands' dtype: float32, float64, ...; repeatable."
    ),
    "device": click.option(
        "--device",
        default="cpu",
        show_default=True,
        metavar="D",
        help="The device of torch's operands: cpu, cuda:0, ...",
    ),
    "gradients": click.option(
        "--gradients",
        is_flag=True,
        help="Also audit the gradients and the double backward that torch.autograd computes.",
    ),
    "transforms": click.option(
        "--transforms",
        is_flag=True,
        help="Also audit torch.func.vmap and torch.func.jvp (forward mode) of the subject.",
    ),
    "level": click.option(
        "--level",
        default="standard",
        show_default=True,
        metavar="quick|standard|exhaustive|fixtures|large",
        help="How much to test: about 5 s, 30 s, minutes; or only the golden vectors; or arrays beyond 2^31 elements.",
    ),
    "refusals": click.option(
        "--refusal",
        "refusals",
        multiple=True,
        metavar="EXCEPTION",
        help="An exception type that means 'not supported', as NotImplementedError always does; repeatable.",
    ),
    "source": click.option(
        "--source",
        multiple=True,
        metavar="FILE",
        help="A source file whose integer constants are tried as sizes, like the target's own file; repeatable.",
    ),
    "arithmetic": click.option(
        "--arithmetic",
        default=DEFAULT,
        show_default=True,
        metavar="CLASS",
        help=f"The coarsest rounding that is allowed, strictest first: {', '.join(ALLOWED)}.",
    ),
    "edges": click.option(
        "--edges",
        default="tell",
        show_default=True,
        metavar="tell|fault",
        help="Whether an empty batch, an unbatched input, padding as a word and invalid arguments decide.",
    ),
    "fail_fast": click.option("--fail-fast", is_flag=True, help="Stop soon after the first wrong answer."),
    "seconds": click.option(
        "--seconds", type=click.FloatRange(0.1), help="The time for the level's problems, in place of the level's own."
    ),
    "fix": click.option(
        "--fix",
        default="",
        metavar="LAYER",
        help="Audit one layer whose parameters are fixed, such as 'w4x3x3x3 s2 p1': images and values vary.",
    ),
    "layers": click.option(
        "--layers",
        default="",
        metavar="FILE",
        help="Your own layers, asked at their real size: a text file with a problem's notation a line, model.onnx, or "
        "file.py:make_model, a function that returns (model, inputs).",
    ),
    "strict_arguments": click.option(
        "--strict-arguments", is_flag=True, help="Report an accepted invalid argument as a fault, not as a warning."
    ),
    "jobs": click.option(
        "--jobs",
        type=click.IntRange(1),
        help="Worker processes that run the subject: by default 1 at quick, 2 at standard, one per core at exhaustive.",
    ),
    "seed": click.option(
        "--seed", type=click.IntRange(0), help="The seed of the operands: that of an earlier report repeats them."
    ),
    "timeout": click.option(
        "--timeout",
        type=click.FloatRange(0.1),
        help="The time limit of one call, in seconds; by default 10, at level large 300.",
    ),
    "compile_timeout": click.option(
        "--compile-timeout",
        metavar="S",
        type=click.FloatRange(0.1),
        help="The time limit of a first call, of a process or a shape, as it may compile; by default 120 s.",
    ),
    "memory": click.option(
        "--memory",
        metavar="BYTES",
        help="What the subject may hold, such as 8GiB; by default 4 GiB. It bounds the arrays of level large.",
    ),
    "python": click.option(
        "--python",
        metavar="PATH",
        help="The Python interpreter that runs the subject. It needs NumPy, not conv-oracle.",
    ),
    "confine": click.option(
        "--confine",
        is_flag=True,
        help="Let the subject write only to a temporary directory, and use no TCP. Needs Linux 6.7 and landlock.",
    ),
    **{
        name: click.option(f"--{name.replace('_', '-')}", name, metavar=metavar, default="", help=said)
        for name, metavar, said in (
            ("layout", "AXES", "The axes of each array: 'x=NHWC w=HWIO b=1,1,1,C y=NHWC', or 'x=HW w=HW y=HW'."),
            (
                "result",
                "NAMES",
                "Where the arrays are in what is returned: 'y, *', \"{'out': y}\", 'out=y'.",
            ),
            (
                "parameters",
                "ARGUMENTS",
                "The target's own names: \"strides=stride, conv_param={'stride', 'pad'}, mode=1\".",
            ),
            ("padding_as", "FORM", "How padding is written: numbers, pairs, flat, SAME or same."),
            (
                "pads",
                "RULE",
                "The padding of a target that takes none and pads of its own accord: SAME, same, causal, full, k//2 or "
                "a number.",
            ),
            ("backward", "CALL", "The backward function or method: 'conv_backward(dy, cache) -> dx, dw, db'."),
            (
                "construct",
                "ARGUMENTS",
                "What a class is made with: 'in_channels, out_channels, kernel_size, s=stride'.",
            ),
            ("attributes", "NAMES", "Where a class keeps its weights: 'W=weight, b=bias'."),
            ("method", "NAME", "What is called of a class; by default forward."),
        )
    },
    **{
        name: click.option(f"--{name.replace('_', '-')}", name, is_flag=True, help=said)
        for name, said in (
            ("ints", "Every parameter is one int."),
            ("square", "Kernel, image and parameters are the same on every axis."),
            ("true_convolution", "The target flips the kernel by convention, as scipy.ndimage.convolve does."),
        )
    },
    "prototype": click.option(
        "--prototype",
        default="",
        metavar="C",
        help="The prototype of a shared library's function: 'void conv2d(const float *x, ...)'. A source has its own.",
    ),
    "roles": click.option(
        "--roles",
        default="",
        metavar="NAME=ROLE ...",
        help="What parameters of a C function are, where their names do not say it: 'k=out_channels kernel=3'.",
    ),
    "sanitize": click.option(
        "--sanitize",
        is_flag=True,
        help="Compile a source with the address and undefined-behaviour sanitizers.",
    ),
}
"""Every option that several commands take, by its name in AuditOptions."""

REPLAYED = (
    "command",
    "arrays",
    "device",
    "gradients",
    "transforms",
    "refusals",
    "arithmetic",
    "fix",
    "seed",
    "timeout",
    "compile_timeout",
    "memory",
    "python",
    "confine",
    *(one.name for one in fields(Words)),
    "prototype",
    "roles",
    "sanitize",
)
"""The options that decide what an audit finds: a replay takes the same."""

EXPORTED = ("op", "dtypes", "arithmetic", "fix", "seed")
"""The options that an export has of those of an audit."""


def export_options(command: Any) -> Any:
    """The options of an export."""
    for option in reversed(
        [
            click.option(
                "--into",
                "directory",
                metavar="DIR",
                required=True,
                type=click.Path(file_okay=False, path_type=Path),
                help="The folder to write into; an interrupted export continues there.",
            ),
            click.option(
                "--level",
                default="quick",
                show_default=True,
                metavar="quick|standard|exhaustive",
                help="How much to ask: about 50 MB of float32 operands; 20 times as much; or more.",
            ),
            click.option(
                "--arrays",
                default="npy",
                show_default=True,
                metavar="npy|safetensors",
                help="The files of operands: one per array, or one per 128 problems.",
            ),
            click.option(
                "--parameters",
                default=",".join(PARAMETERS),
                metavar="P,P",
                help=f"What the device takes besides operands, of {', '.join(PARAMETERS)}; all by default, or 'none'.",
            ),
        ]
    ):
        command = option(command)
    return options(*(name for name in OPTIONS if name not in EXPORTED))(command)


def options(*left_out: str) -> Callable[[Any], Any]:
    """A command's options, but for some of them."""

    def decorated(command: Any) -> Any:
        for name, option in reversed([*OPTIONS.items()]):
            command = command if name in left_out else option(command)
        return command

    return decorated
