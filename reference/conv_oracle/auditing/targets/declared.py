"""A target with its words in a file: what `conv_oracle.adapt` makes."""

from __future__ import annotations

from typing import Any

from conv_oracle.auditing.targets.adapted import adapted_object
from conv_oracle.auditing.targets.loading import load
from conv_oracle.auditing.targets.words import Words, making
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation, operation_within


class Declared:
    """A target and the words that say how it is called; a subject once the operation is known."""

    def __init__(self, target: Any, name: str, op: str, words: Words) -> None:
        """Nothing is called yet. op: '' where the audit says it."""
        self.target, self.name, self.op, self.words = target, name, op, words
        self.__name__ = name

    def conv_oracle_subject(self, op: str) -> Any:
        """The function with PyTorch's arguments, as this operation."""
        return adapted_object(self.target, dict(making(self.words, operation(self.op or op)).words), self.name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """A call with PyTorch's arguments. Raises TargetError where the operation is not known."""
        if not self.op:
            raise TargetError(
                f"the operation cannot be inferred from the name: name={self.name!r}; op='conv2d' would fit"
            )
        return self.conv_oracle_subject(self.op)(*args, **kwargs)


def adapt(target: Any, *, op: str = "", **words: Any) -> Declared:
    """What is audited in place of a target whose arguments, layouts or results are its own.

    target: a function, a class, a module, or the text `path/to/file.py:name`. op: the operation, by default inferred
    from the name, or said by the audit. words: the fields of Words, such as layout='x=NHWC w=HWIO y=NHWC'.
    Raises TargetError for words that cannot be read.
    """
    unknown = [name for name in words if name not in Words.__dataclass_fields__]
    if unknown:
        raise TargetError(
            f"a target is described by {', '.join(Words.__dataclass_fields__)}: {unknown[0]}={words[unknown[0]]!r}; "
            "layout='NHWC' would fit"
        )
    name = target.rpartition(":")[2] if isinstance(target, str) else getattr(target, "__name__", type(target).__name__)
    found = load(target) if isinstance(target, str) else target
    inferred = operation_within(name)
    declared = Declared(found, name, op or (str(inferred) if inferred else ""), Words(**words))
    making(declared.words, operation(declared.op or "conv2d"))
    return declared
