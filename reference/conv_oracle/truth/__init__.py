"""The same values, fast: windows and GEMM. Nothing here knows of the definitions or of the index map.

    `fast`                       every operation in the fast form, as `Passes`; its functions are those of `conv_oracle`
    `threads`                    how many threads it uses

Correctly rounded, for every pass and dtype:

    `rounded.rounded`            the exact result of a problem, rounded once
    `rounded.rounded_bias`, `rounded.rounded_double_backward`
                                 the same for the gradient by the bias, and for the double backward
    `rounded.exact_sums`, `rounded.exact_bias_sums`, `rounded.exact_double_backward`
                                 the exact result as an unevaluated sum of two float64
    `rounded.difference`         how far an answer is from that

And how far a right implementation may be from it:

    `bound.error_bound`          for every output, by the format that it sums in
    `bound.bias_error_bound`, `bound.double_backward_error_bound`
                                 the same for the gradient by the bias, and for the double backward
    `bound.Arithmetic`           what else an implementation may do: shorter factors, truncation, flushing
    `bound.magnitudes`           the number of terms, and the sum of their absolute values
    `bound.truth`, `bound.exceeds`
                                 the float64 sums that the bound is about, and where an answer is beyond it
"""

from conv_oracle.truth.contraction import fast
from conv_oracle.truth.pool import threads

__all__ = ["fast", "threads"]
