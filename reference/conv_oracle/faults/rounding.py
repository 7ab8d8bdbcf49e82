"""Faults of arithmetic: the right numbers are combined in too few bits, or special values are lost on the way."""

from __future__ import annotations

from conv_oracle.faults.fault import Fault

RIGHT = "|answer - y| <= u |y| + n u sum |x| |w|, in any order"

ROUNDING = (
    Fault(
        slug="reduced-precision-operands",
        title="operands are rounded to fewer bits before they are multiplied",
        right=RIGHT,
        broken="y = sum round(x) round(w), to the number of bits that the finding states",
        reveals="one or three terms per output: the error does not shrink with the length of the sum",
        hides="dense random data: from about a thousand terms on, errors average out",
        bugs=("pytorch/pytorch#107514", "sonots/cumo#501", "ROCm/composable_kernel#671"),
        damages="every number: of float32's 7 decimal digits, TF32 keeps 3 and bfloat16 2. Numbers that differ by less "
        "become equal (1024.5 and 1024), differences of nearby values lose most of their digits, and in float16 "
        "everything beyond 65504 is infinite",
    ),
    Fault(
        slug="low-precision-accumulation",
        title="sums are accumulated in too few bits",
        right=RIGHT,
        broken="s = round(s + x w) after every product, to the number of bits that the finding states",
        reveals="1, a small number and -1 at places far apart; many terms of one sign",
        hides="short sums, and terms of both signs",
        bugs=("ROCm/AMDMIGraphX#850", "ROCm/rocm-libraries#8029"),
        damages="long sums: in bfloat16 a sum of ones stops at 256, in float16 at 2048; a small term beside a large"
        " sum is lost, so that weight gradients over many positions stagnate",
    ),
    Fault(
        slug="partial-sums-rounded",
        title="partial sums are rounded to fewer bits between blocks",
        right=RIGHT,
        broken="s = round(s + sum of a block), to the number of bits that the finding states",
        reveals="1, a small number and -1 in different blocks, against the same side by side",
        hides="sums of one block",
        bugs=("ROCm/rocm-libraries#5859", "ROCm/rocm-libraries#8029"),
        damages="sums of several blocks (channels in eights, kernel elements, split K): each block costs one rounding"
        " to the stored format, and small blocks beside a large sum are lost",
    ),
    Fault(
        slug="accumulation-truncated",
        title="sums are truncated instead of rounded",
        right=RIGHT,
        broken="s = s + x w, truncated towards zero",
        reveals="three terms per output; a sum that lies three quarters of a unit above a number of the format",
        hides="16-bit results of short sums",
        damages="long sums of one sign: every addition errs in the same direction, so the error grows with n instead "
        "of its square root; means and biases drift towards zero",
    ),
    Fault(
        slug="result-truncated",
        title="the result is truncated instead of rounded",
        right="the result is the number nearest to the sum",
        broken="the result is the next number towards zero",
        reveals="any sum that the format cannot represent",
        hides="integers that it can",
        damages="every number by up to one unit in its last place, always towards zero: what is averaged or summed "
        "later drifts",
    ),
    Fault(
        slug="fast-algorithm-inaccurate",
        title="a fast algorithm is less accurate than its kind should be",
        right="|answer - y| <= u growth |x| |w|, in norms, with the growth of FFT, of a Winograd tile or of Strassen's "
        "product, and of its sums",
        broken="a tile that is too large, or transforms in too few bits",
        reveals="one nonzero per image; widely varying exponents",
        hides="images of one magnitude",
        bugs=("ROCm/rocm-libraries#3508", "ROCm/rocm-libraries#7024"),
        damages="small outputs beside large ones: the error is relative to the largest number of a tile, or of the "
        "image",
    ),
    Fault(
        slug="fast-algorithm-used",
        title="a fast algorithm is used where none is allowed",
        right=RIGHT,
        broken="numbers are transformed, and mixed with their neighbours",
        reveals="huge numbers beside small ones",
        hides="images of one magnitude",
        damages="small outputs beside large ones: the error is relative to the largest number of a tile, or "
        "of the image",
    ),
    Fault(
        slug="rounding-beyond-bound",
        title="errors are larger than those of any known arithmetic",
        right=RIGHT,
        broken="an error beyond the bound, which no class of arithmetic explains",
        reveals="the data set and the problem that the finding names",
        hides="numbers that need no rounding",
        bugs=("pytorch/pytorch#24172",),
        damages="what the finding shows; no class of arithmetic tells more",
    ),
    Fault(
        slug="nonfinite-dropped",
        title="NaN or infinity does not propagate",
        right="an output is NaN where it reads a NaN, and where it reads infinity times 0",
        broken="products with a zero factor are skipped, or max and min drop the NaN",
        reveals="one NaN or infinity in an operand, and weights of zero",
        hides="finite numbers",
        bugs=("tensorflow/tensorflow#63391", "pytorch/pytorch#12484"),
        damages="the warning that a NaN is: a diverged model continues with finite numbers",
    ),
    Fault(
        slug="reads-outside-support",
        title="outputs depend on numbers outside their receptive field",
        right="an output that does not read x[i] is the same whatever x[i] is",
        broken="x[i] is read, and multiplied by zero",
        reveals="one NaN or infinity in an operand",
        hides="finite numbers",
        bugs=("jax-ml/jax#9972", "Theano/Theano#3609"),
        damages="neighbours of an infinite or NaN number: one pixel spoils a whole patch, or the image",
    ),
    Fault(
        slug="infinity-changed",
        title="an infinity changes its sign",
        right="an infinity times a finite number is an infinity of the product's sign",
        broken="its sign is lost",
        reveals="one infinity in an operand",
        hides="finite numbers",
        damages="masks and log-probabilities of minus infinity: they become plus infinity",
    ),
    Fault(
        slug="saturates",
        title="results saturate at the largest finite number",
        right="a result beyond the range of the format is infinite",
        broken="it is the largest finite number",
        reveals="the largest number times 2",
        hides="numbers of ordinary magnitude",
        damages="overflow: it goes unnoticed, and the largest number is taken for a result",
    ),
    Fault(
        slug="spurious-overflow",
        title="the largest finite number times 1 overflows",
        right="max * 1 = max",
        broken="it becomes infinite, or NaN, in an intermediate step",
        reveals="the largest number times 1",
        hides="numbers of ordinary magnitude",
        bugs=("ARM-software/ComputeLibrary#1154",),
        damages="numbers near the end of the format's range: they become infinite, or NaN, needlessly",
    ),
)
