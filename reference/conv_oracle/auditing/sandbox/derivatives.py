"""How a subject of tensors is differentiated in its process, in the ways in which people do.

Joined to the worker's text, and self-contained like it. PyTorch's functions are bound before the subject is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class TorchDerivatives:
    """Results of a call together with their derivatives, as a plan of a series says.

    A plan: by, cotangent and second are operands by number; between, whether another forward comes before the
    gradients; way, as in `Gradients`.
    """

    def __init__(self, torch: Any) -> None:
        """torch: the module, before the subject is imported."""
        self.tensor, self.grad, self.zeros = torch.Tensor, torch.autograd.grad, torch.zeros_like
        self.torch = torch

    def differentiate(
        self, call: Callable[..., Any], operands: list[Any], plan: dict[str, Any], between: Callable[[], Any]
    ) -> list[Any]:
        """The forward result, its gradients by plan["by"], and theirs for the cotangents plan["second"]."""
        way = plan["way"]
        if way == "forward":
            return self._forward(call, operands, plan)
        if way != "held":
            operands = [array.detach() for array in operands]
        cotangent = operands[plan["cotangent"]]
        for number in plan["by"]:
            operands[number].requires_grad_()
        output = call(operands)
        if type(output) is not self.tensor or output.shape != cotangent.shape or not _may_take(output, cotangent):
            return [output]
        if plan["between"]:
            between()
        sources, second = [operands[number] for number in plan["by"]], [operands[n] for n in plan["second"]]
        if way == "accumulated":
            return [output, *self._accumulated(call, operands, output, sources, cotangent)]
        if second:
            return self._twice(output, sources, second, operands, cotangent)
        if way == "again":
            self._gradients(operands, output, sources, cotangent.to(output.dtype), retain_graph=True)
        return [output, *self._gradients(operands, output, sources, cotangent.to(output.dtype))]

    def _twice(
        self, output: Any, sources: list[Any], second: list[Any], operands: list[Any], cotangent: Any
    ) -> list[Any]:
        """The result, its gradients, and their gradients by the cotangent and the first two sources."""
        cotangent.requires_grad_()
        first = self._gradients(operands, output, sources, cotangent.to(output.dtype), create_graph=True)
        if any(type(got) is not self.tensor for got in first):
            return [output, *first]
        if any("Error" in type(got.grad_fn).__name__ for got in first):
            raise RuntimeError("the gradients cannot be differentiated again")
        return [output, *first, *self._gradients(operands, first, [cotangent, *sources[:2]], second)]

    def _gradients(self, operands: list[Any], of: Any, by: list[Any], cotangents: Any, **options: bool) -> list[Any]:
        """The result of torch.autograd.grad; a gradient that it leaves undefined is zero.

        Where one shares the storage of an operand, as when the cotangent is returned unchanged, it is copied.
        """
        memory = {_address(array) for array in operands}

        def apart(got: Any) -> Any:
            return got.clone() if type(got) is self.tensor and _address(got) in memory else got

        found = self.grad(of, by, cotangents, allow_unused=True, **options)
        return [self.zeros(source) if got is None else apart(got) for got, source in zip(found, by, strict=True)]

    def _accumulated(
        self, call: Callable[..., Any], operands: list[Any], output: Any, sources: list[Any], cotangent: Any
    ) -> list[Any]:
        """The gradients that two backward passes add to .grad, halved."""
        for source in sources:
            source.grad = None
        for one in (output, call(operands)):
            one.backward(cotangent.to(one.dtype))
        return [self.zeros(source) if source.grad is None else source.grad / 2 for source in sources]

    def _forward(self, call: Callable[..., Any], operands: list[Any], plan: dict[str, Any]) -> list[Any]:
        """The result and its derivative along the directions plan["second"], by torch.func.jvp."""
        operands = [array.detach() for array in operands]
        sources, along = tuple(operands[n] for n in plan["by"]), tuple(operands[n] for n in plan["second"])

        def of(*moved: Any) -> Any:
            placed = dict(zip(plan["by"], moved, strict=True))
            return call([placed.get(number, array) for number, array in enumerate(operands)])

        return list(self.torch.func.jvp(of, sources, along))


def _address(of: Any) -> int:
    """The address of a tensor's storage; operands of a call may share one."""
    return int(of.untyped_storage().data_ptr())


def _may_take(output: Any, cotangent: Any) -> bool:
    """Whether a cotangent can be that of an output: of its format, or of a real one that is narrower."""
    real = output.is_floating_point() and cotangent.is_floating_point()
    wider = real and output.element_size() > cotangent.element_size()
    return bool(output.dtype == cotangent.dtype or wider)
