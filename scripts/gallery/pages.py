"""The pages of the site, each once: which formula, what is wrong with it in print, and what shows and proves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gallery import facts

VERDICTS = ("right", "loose", "misprint", "false")


@dataclass(frozen=True)
class Page:
    """One page of the site, written in both languages from templates/<slug>.html.

    slug       its file's name
    title      in English and in Korean
    facts      computes its numbers
    number     of the formula, S1 to S15; None for what the note says in words
    verdict    on the formula as printed: one of VERDICTS
    printed    the formula as the note prints it, LaTeX
    holds      what is right, LaTeX; empty where the printed form is
    said       what it says in words instead, in English and in Korean
    functions  the definitions whose code is drawn, by their names below conv_oracle.formulas, geometry and index_map
    tests      the proofs, `file.py::name` in oracle_tests/formulas/
    torch      what PyTorch calls it
    pictures   the scripts of its pictures, in assets/
    """

    slug: str
    title: tuple[str, str]
    facts: Callable[[], dict[str, Any]]
    number: int | None = None
    verdict: str = ""
    printed: str = ""
    holds: str = ""
    said: tuple[str, str] | None = None
    functions: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    torch: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """S1 to S15, or nothing."""
        return f"S{self.number}" if self.number else ""


FORMULAS = (
    Page(
        "s1",
        ("The dense layer", "완전연결층"),
        facts.dense,
        1,
        "right",
        r"h_i = \sigma \Big( \sum_{j=1}^{p} W_{ij}\, x_j \Big)",
        functions=("dense_layer",),
        tests=("test_dense.py::test_s1_is_torch_linear", "test_dense.py::test_an_activation_is_any_function"),
        torch=("torch.nn.functional.linear", "torch.nn.Linear", "torch.relu"),
        pictures=("dense",),
    ),
    Page(
        "s2",
        ("A convolution is a dense layer with a band of shared weights", "합성곱은 가중치를 나누어 쓰는 띠행렬이다"),
        facts.banded,
        2,
        "loose",
        r"h_i = \sigma \Big( \sum_{j=1}^{p} V_j\, x_{i+j-1} \Big)",
        r"i = 1, \dots, n-p+1, \quad p = \text{length of } V, \quad n = \text{length of } x",
        functions=("banded_layer", "band_matrix", "parameter_counts"),
        tests=(
            "test_dense.py::test_s2_is_torch_conv1d",
            "test_dense.py::test_s2_uses_its_letter_p_for_the_length_of_the_kernel",
            "test_dense.py::test_s2_is_s1_with_a_band_of_shared_weights",
            "test_dense.py::test_the_parameters_side_by_side",
        ),
        torch=("torch.nn.functional.conv1d", "torch.nn.Conv1d"),
        pictures=("band",),
    ),
    Page(
        "s3",
        ("Convolution of functions", "함수의 합성곱"),
        facts.convolution,
        3,
        "misprint",
        r"[f*g](x) = \int f(z)\, g(x-z)\, dz = \int f(x-z)\, g(z)\, dz \qquad [g*f]*(x)",
        r"[f*g](x) = [g*f](x)",
        functions=("sampled_convolution",),
        tests=(
            "test_continuous.py::test_convolution_commutes_and_correlation_turns",
            "test_continuous.py::test_conv1d_of_samples_is_the_sampled_sum_and_the_integral",
        ),
        torch=("torch.nn.functional.conv1d", "torch.flip"),
        pictures=("sliding",),
    ),
    Page(
        "s4",
        ("Convolution of sequences", "수열의 합성곱"),
        facts.convolved,
        4,
        "right",
        r"[f*g](i) = \sum_{a} f(a)\, g(i-a)",
        functions=("convolve", "formulas.discrete._sum"),
        tests=(
            "test_discrete.py::test_convolve_is_numpy_convolve",
            "test_discrete.py::test_convolution_commutes_and_associates",
        ),
        torch=("torch.nn.functional.conv1d", "torch.flip"),
        pictures=("sequences",),
    ),
    Page(
        "s5",
        ("Cross-correlation of functions", "함수의 교차상관"),
        facts.correlation,
        5,
        "false",
        r"[f \star g](x) = \int f(z)\, g(x+z)\, dz = \int f(x+z)\, g(z)\, dz",
        r"[g \star f](x) = [f \star g](-x)",
        functions=("sampled_cross_correlation",),
        tests=(
            "test_continuous.py::test_the_printed_equality_of_cross_correlation_fails",
            "test_continuous.py::test_correlation_commutes_only_when_it_is_even",
        ),
        torch=("torch.nn.functional.conv1d",),
        pictures=("sliding",),
    ),
    Page(
        "s6",
        ("Cross-correlation of sequences", "수열의 교차상관"),
        facts.correlated,
        6,
        "false",
        r"[f \star g](i) = \sum_{a} f(a)\, g(i+a) = \sum_{a} f(i+a)\, g(a)",
        r"[g \star f](i) = [f \star g](-i)",
        functions=("cross_correlate", "correlation_lags"),
        tests=(
            "test_discrete.py::test_the_worked_example_of_the_false_equality",
            "test_discrete.py::test_cross_correlation_reverses_when_its_operands_are_exchanged",
            "test_discrete.py::test_cross_correlation_associates_with_a_convolution_only",
        ),
        torch=("torch.nn.functional.conv1d",),
        pictures=("sequences",),
    ),
    Page(
        "s7",
        ("Invariant? Equivariant", "불변이 아니라 등변이다"),
        facts.translated,
        7,
        "loose",
        said=("Convolution is translation invariant.", "합성곱은 평행이동에 대해 불변이다."),
        holds=r"f*(t_b\, g) = t_b\,(f*g), \qquad [t_b\, g](i) = g(i-b)",
        functions=("translate",),
        tests=(
            "test_discrete.py::test_translation_is_equivariant_not_invariant",
            "test_discrete.py::test_a_strided_layer_is_equivariant_by_multiples_of_its_stride",
        ),
        torch=("torch.roll", "torch.nn.functional.pad"),
        pictures=("moving",),
    ),
    Page(
        "s8",
        ("Box with box, spiky with box", "상자와 상자, 뾰족한 함수와 상자"),
        facts.figures,
        8,
        "right",
        r"\text{box} * \text{box}, \qquad \text{spiky} * \text{box}",
        r"[\text{spiky}*\text{box}](x) = \begin{cases} 0 & x \le -\frac{1}{2} \\ 1 - e^{-(x+1/2)} & -\frac{1}{2} "
        r"\le x \le \frac{1}{2} \\ (e^{1/2} - e^{-1/2})\, e^{-x} & x \ge \frac{1}{2} \end{cases}",
        functions=("exponential_with_box", "sampled_convolution"),
        tests=(
            "test_continuous.py::test_box_with_itself_is_the_triangle",
            "test_continuous.py::test_the_spiky_function_with_a_box_has_three_branches",
            "test_continuous.py::test_every_closed_form_and_its_error",
        ),
        torch=("torch.nn.functional.conv1d",),
        pictures=("sliding",),
    ),
    Page(
        "s9",
        ("A kernel changes an image", "커널이 영상을 바꾼다"),
        facts.images,
        9,
        "right",
        said=("Choosing a kernel changes an image.", "커널을 고르면 영상이 바뀐다."),
        holds=r"y(o) = \sum_{k} w(k)\, x(o + k - \text{centre})",
        functions=("filter_image", "image_kernel"),
        tests=(
            "test_images.py::test_every_kernel_is_what_torch_and_scipy_make_of_its_taps",
            "test_images.py::test_the_kernels_are_what_their_effects_say",
            "test_images.py::test_a_true_convolution_turns_the_kernel",
        ),
        torch=("torch.nn.functional.conv2d", "torch.nn.functional.pad"),
        pictures=("images",),
    ),
    Page(
        "s10",
        ("Windows on one, two and three axes", "1차원, 2차원, 3차원의 창"),
        facts.patches,
        10,
        "loose",
        r"\sum_{p=1}^{d} f(p)\, g(i+p)",
        r"\sum_{j=1}^{d} f_j\, g_{i+j-1} \;\; (i = 1, \dots, n-d+1) \qquad "
        r"\sum_{j=0}^{d-1} f_j\, g_{i+j} \;\; (i = 0, \dots, n-d)",
        functions=("on_patch", "cross_correlate"),
        tests=(
            "test_discrete.py::test_s10_printed_from_one_is_a_sample_late",
            "test_discrete.py::test_on_a_patch_the_elementwise_product_is_summed",
            "test_discrete.py::test_valid_cross_correlation_is_the_convolution_of_torch",
        ),
        torch=("torch.nn.functional.conv1d", "torch.nn.functional.conv2d", "torch.nn.functional.conv3d"),
        pictures=("windows",),
    ),
    Page(
        "s11",
        ("The output size and the index map", "출력 크기와 색인 지도"),
        facts.sizes,
        11,
        "loose",
        r"O = H - K + 1",
        r"O = \left\lfloor \frac{I + p + q - d(K-1) - 1}{s} \right\rfloor + 1 \qquad "
        r"O_{\text{transposed}} = (I-1)s - p - q + d(K-1) + o + 1",
        functions=("conv_output_size", "conv_transpose_output_size", "kernel_span", "axis_table"),
        tests=("test_channels.py::test_s11_is_the_size_that_torch_gives",),
        torch=("torch.nn.functional.conv1d", "torch.nn.functional.conv_transpose1d", "torch.nn.ConvTranspose1d"),
        pictures=("indexmap",),
    ),
    Page(
        "s12",
        ("Channels and stacked kernels", "채널과 쌓인 커널"),
        facts.channels,
        12,
        "right",
        said=(
            "The kernel has the input's channels, and there are as many kernels as output channels.",
            "커널은 입력과 같은 수의 채널을 가지고, 커널의 수는 출력 채널의 수와 같다.",
        ),
        holds=r"y_m = b_m + \sum_{c} w_{m,c} \star x_c",
        functions=("sum_over_channels", "stack_of_kernels"),
        tests=(
            "test_channels.py::test_channels_are_summed_and_kernels_are_stacked",
            "test_channels.py::test_one_kernel_gives_one_output_channel_however_many_channels_come_in",
            "test_channels.py::test_depthwise_with_a_multiplier_keeps_the_channels_apart",
        ),
        torch=("torch.nn.Conv2d", "torch.nn.functional.conv1d"),
        pictures=("channels",),
    ),
    Page(
        "s13",
        ("The derivative in position", "위치에 대한 미분"),
        facts.derivative,
        13,
        "loose",
        r"\frac{d}{dx} [f*g] = [f*g']",
        r"(f*g)' = f*g' = f'*g, \qquad (f \star g)' = f \star g' = -(f' \star g)",
        functions=("convolution_derivative", "cross_correlation_derivative"),
        tests=(
            "test_continuous.py::test_the_derivative_theorem",
            "test_continuous.py::test_the_derivative_falls_on_either_operand_and_changes_sign_in_correlation",
            "test_continuous.py::test_the_derivative_in_position_is_not_the_one_of_backpropagation",
        ),
        torch=("torch.autograd.grad",),
        pictures=("sliding",),
    ),
    Page(
        "s14",
        ("The gradient by the input", "입력에 대한 기울기"),
        facts.input_gradient,
        14,
        "right",
        said=("The error reaches x₃ through W₃, W₂ and W₁.", "오차는 W₃, W₂, W₁을 거쳐 x₃에 닿는다."),
        holds=r"\frac{\partial L}{\partial x_m} = \sum_{i} \delta_i\, W_{m-i+1}, \qquad "
        r"\frac{\partial L}{\partial x_3} = \delta_1 W_3 + \delta_2 W_2 + \delta_3 W_1",
        functions=("input_gradient", "conv_input"),
        tests=(
            "test_backpropagation.py::test_the_worked_example_of_the_input_gradient",
            "test_backpropagation.py::test_both_are_those_of_torch",
            "test_backpropagation.py::test_a_gradient_that_forgets_to_turn_the_kernel_is_caught",
        ),
        torch=("torch.nn.grad.conv1d_input", "torch.autograd.grad"),
        pictures=("delta",),
    ),
    Page(
        "s15",
        ("The gradient by the weight", "가중치에 대한 기울기"),
        facts.weight_gradient,
        15,
        "right",
        r"\frac{\partial L}{\partial W_i} = \sum_{j} \delta_j\, x_{i+j-1}",
        r"\frac{\partial L}{\partial W_1} = \delta_1 x_1 + \delta_2 x_2 + \delta_3 x_3",
        functions=("weight_gradient", "conv_weight"),
        tests=(
            "test_backpropagation.py::test_the_worked_example_of_the_weight_gradient",
            "test_backpropagation.py::test_both_are_the_derivatives_of_the_loss_by_the_chain_rule_alone",
            "test_backpropagation.py::test_both_are_those_of_torch",
        ),
        torch=("torch.nn.grad.conv1d_weight", "torch.autograd.grad"),
        pictures=("delta",),
    ),
)

WORDS = (
    Page(
        "locality",
        ("Locality: how far one output sees", "국소성: 출력 하나가 보는 범위"),
        facts.locality,
        pictures=("field",),
    ),
    Page(
        "frequency",
        ("Frequency response: what a kernel amplifies", "주파수 응답: 커널이 키우는 것"),
        facts.frequency,
        pictures=("frequency",),
    ),
    Page(
        "backward",
        ("The gradient is again a convolution", "기울기도 다시 합성곱이다"),
        facts.backward,
        functions=("formulas.contraction.to_output", "formulas.contraction.to_input", "formulas.contraction.to_weight"),
        tests=("test_backpropagation.py::test_the_derivative_of_a_convolution_is_a_convolution",),
        torch=("torch.nn.grad.conv2d_input", "torch.nn.grad.conv2d_weight", "torch.nn.functional.conv_transpose2d"),
        pictures=("delta",),
    ),
    Page("colours", ("What the colours mean", "그림의 색이 뜻하는 것"), facts.colours),
)

CATALOGUE = Page(
    "catalogue",
    ("Faults: what goes wrong, each with an example", "오류 목록: 무엇이 어떻게 틀리는가"),
    facts.catalogue,
)

PLAYGROUND = Page("playground", ("Playground", "놀이터"), dict, pictures=("playground",))

PAGES = (*FORMULAS, *WORDS, CATALOGUE, PLAYGROUND)
