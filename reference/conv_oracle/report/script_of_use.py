"""The lines of a script that hold operands and call as people do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from conv_oracle.auditing import Use

IN_A_POOL = "__import__('concurrent.futures', fromlist=['x']).ThreadPoolExecutor"

SURROUNDED: Mapping[str, Sequence[str]] = {
    "no_grad": ("call = torch.no_grad()(call)",),
    "inference_mode": ("call = torch.inference_mode()(call)",),
    "two_threads": ("torch.set_num_threads(2)",),
    "thread": (f"plain, call = call, lambda *arrays: {IN_A_POOL}(1).submit(plain, *arrays).result()",),
    "fork": (
        "plain, plain.__name__, plain.__qualname__ = call, 'plain', 'plain'",
        "call = lambda *arrays: __import__('multiprocessing').get_context('fork').Pool(1).apply(plain, arrays)",
    ),
    "at_once": (
        f"plain, pool = call, {IN_A_POOL}(4)",
        "def call(*arrays):",
        "    for other in range(4): pool.submit(plain, *(other * array for array in arrays))  # with other values",
        "    return plain(*arrays)",
    ),
    "poison": (
        "plain, call = call, lambda *arrays: ([np.full(n, np.nan) for n in range(5000)] and None, plain(*arrays))[1]",
    ),
    "vmap": (
        "plain = call",
        "call = lambda *arrays: torch.func.vmap(plain)(*(torch.stack([array, array]) for array in arrays))[0]",
    ),
}
"""By what surrounds a call, the lines that follow the definition of `call`."""


def surrounded(use: Use) -> Iterator[str]:
    """The lines that make `call` a call in this use."""
    yield from SURROUNDED.get(use.around, ())


def held(use: Use, names: Sequence[str], *, torch: bool) -> str:
    """An expression for the operands of a call, from `view`, as they are held. names: of the operands."""
    one = "view(*layout)"
    if use.own:
        one += ".clone()" if torch else ".copy()"
    if use.held:
        held = {"parameter": f"torch.nn.Parameter({one})", "leaf": f"{one}.detach().requires_grad_()"}[use.held]
        theirs = tuple(number for number, name in enumerate(names) if name in ("weight", "bias"))
        return f"[{held} if number in {theirs} else {one} for number, layout in enumerate(LAYOUTS)]"
    if use.around == "aliased":
        return f"[{one} for layout in LAYOUTS[:1]] * 2 + [{one} for layout in LAYOUTS[2:]]"
    return f"[{one} for layout in LAYOUTS]"


def refreshed(*, torch: bool) -> str:
    """A statement that writes what the block of memory holds into operands of their own."""
    copied = "array.detach().copy_(view(*layout))" if torch else "np.copyto(array, view(*layout))"
    return f"[{copied} for array, layout in zip(arrays, LAYOUTS)]"
