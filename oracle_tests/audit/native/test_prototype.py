"""Prototypes are read as C has them, roles follow from names and types, what is not clear is refused in one line."""

import sys

import pytest

from conv_oracle.auditing.targets.prototype import definition, prototype
from conv_oracle.auditing.targets.roles import read, said_roles
from conv_oracle.errors import TargetError
from conv_oracle.operation import operation


def reading(text, op="conv2d", roles="", name=""):
    """(roles by name, fixed) of a prototype."""
    found = prototype(text, name or text.partition("(")[0].split()[-1].strip("*"))
    said = said_roles(roles, found, operation(op))
    one = read(found, operation(op), said)
    return dict(one.roles), dict(one.fixed)


X = "const float *x, const float *w"
ISSUE = f"void conv2d({X}, const float *b, float *y, int n, int c, int h, int w_, int k, int r, int s, int stride)"


@pytest.mark.parametrize(
    ("text", "op", "expected"),
    [
        (
            ISSUE,
            "conv2d",
            "input weight bias output batch in_channels height width out_channels kernel_height kernel_width stride",
        ),
        (
            f"void f({X}, float *y, int N, int C, int H, int W, int M, int K)",
            "conv2d",
            "input weight output batch in_channels height width out_channels kernel",
        ),
        (
            f"void f({X}, float *y, int n, int ic, int oc, int ih, int iw, int oh, int ow, int kh, int kw, int sh, "
            "int sw)",
            "conv2d",
            "input weight output batch in_channels out_channels height width output_height output_width "
            "kernel_height kernel_width stride_height stride_width",
        ),
        (
            f"void f({X}, float *y, int c, int k, int h, int w_, int r, int s, int p, int q)",
            "conv2d",
            "input weight output in_channels out_channels height width kernel_height kernel_width output_height "
            "output_width",
        ),
        (
            "void f(float *im, float *weights, float *out, float *workspace, int batch, int c, int h, int w, int n, "
            "int size, int pad)",
            "conv2d",
            "input weight output workspace batch in_channels height width out_channels kernel padding",
        ),
        (
            "void f(const float *signal, int n, const float *kernel, int m, float *out)",
            "conv1d",
            "input size weight kernel output",
        ),
        (
            "void f(const float *x, const float *w, float *y, int n, int c, int l, int oc, int k)",
            "conv1d",
            "input weight output batch in_channels size out_channels kernel",
        ),
        (
            f"void f({X}, float *y, int c, int oc, int d, int h, int w_, int kd, int kh, int kw)",
            "conv3d",
            "input weight output in_channels out_channels depth height width kernel_depth kernel_height kernel_width",
        ),
        (
            f"void f({X}, float *y, const int *in_shape, const int *w_shape, const int strides[2], const int *pads)",
            "conv2d",
            "input weight output input_shape weight_shape stride padding",
        ),
        (
            f"void f({X}, float *y, int c, int oc, int h, int w_, int k, int stride_y, int stride_x, int pad0, "
            "int pad1)",
            "conv2d",
            "input weight output in_channels out_channels height width kernel stride_height stride_width "
            "padding_height padding_width",
        ),
        (
            "void f(const double *dy, const double *w, double *dx, int n, int c, int h, int w_, int k, int r, int s)",
            "conv2d_input",
            "grad_output weight grad_input batch in_channels height width out_channels kernel_height kernel_width",
        ),
    ],
)
def test_roles_follow_from_names_and_types(text, op, expected):
    assert [*reading(text, op)[0].values()] == expected.split()


def test_the_result_is_what_is_not_const():
    text = "void conv2d(const float *a, const float *w, float *c, int h, int width, int k)"
    assert [*reading(text)[0].values()][:3] == ["input", "weight", "output"]


@pytest.mark.parametrize(
    ("text", "name", "fixed"),
    [
        (f"void f({X}, float *y, int h, int width, int k)", "f", {"batch": 1, "in_channels": 1, "out_channels": 1}),
        (f"void f({X}, float *y, int n, int oc, int h, int width, int k)", "f", {"in_channels": 1}),
        (
            f"void dw_conv({X}, float *y, int n, int c, int h, int width, int k)",
            "dw_conv",
            {"groups": "in_channels", "out_channels": "in_channels"},
        ),
        (
            f"void f_depthwise({X}, float *y, int n, int c, int mult, int h, int width, int k)",
            "f_depthwise",
            {"groups": "in_channels"},
        ),
    ],
)
def test_what_is_not_told_is_fixed(text, name, fixed):
    assert reading(text, name=name)[1] == fixed


def test_what_is_said_goes_before_names():
    text = f"int conv2d({X}, float *y, int n, int c, int h, int width, int flags, float alpha, void *stream)"
    roles, fixed = reading(
        text,
        roles="flags=3, alpha=0.5 stream=null out_channels=2 kernel=3 n=out_channels_per_group return=ignored".replace(
            "out_channels=2 ", ""
        ),
    )
    assert (roles["flags"], roles["alpha"], roles["stream"]) == (3, 0.5, None)
    assert (roles["n"], fixed) == ("out_channels_per_group", {"kernel": 3, "batch": 1})
    found = prototype("void conv1d(float *x, float *w, float *y, float *ws, int length, int k)", "conv1d")
    said = said_roles("y=zeroed_output ws=workspace[k * (length - k + 1)]", found, operation("conv1d"))
    assert (said.parameters["y"], said.zeroed, said.workspace) == ("output", True, "k * (length - k + 1)")


@pytest.mark.parametrize(
    ("text", "roles", "said"),
    [
        (
            f"void f({X}, float *y, int n, int c, int h, int w_, int k)",
            "",
            "how many output channels.*'out_channels=1' would",
        ),
        (
            f"void f({X}, float *y, int n, int c, int h, int w_, int oc)",
            "",
            "must have a kernel size, or --roles 'kernel=3'",
        ),
        (f"void f({X}, float *y, int n, int c, int oc, int k)", "", r"must have the sizes of the .*\(height, width\)"),
        (
            f"void f({X}, float *y, int n, int c, int oc, int h, int k)",
            "",
            "one size per axis, or one for all: width is",
        ),
        (
            f"void f({X}, const float *y, int n, int c, int h, int w_, int oc, int k)",
            "",
            "every parameter needs a role, and const float \\*y of f has none by its name",
        ),
        (
            f"void f({X}, float *y, int n, int c, int h, int w_, int oc, int k, int q7)",
            "",
            "every parameter needs a role, and int q7 of f has none.*--roles 'q7=ROLE' would fit",
        ),
        (
            "void f(const float *a, const float *c, float *y, int h, int w_, int k)",
            "",
            "each parameter has one role, . may have [23].*--roles 'a=input' or --roles 'a=weight'",
        ),
        (f"void f({X}, float *y, int h, int w_, int k)", "z=kernel", "parameters are x, w, y, h, w_, k"),
        (f"void f({X}, float *y, int h, int w_, int k)", "k=kernels", "'k=kernels'; a role is one of input, weight"),
        (f"void f({X}, float *y, int h, int w_, int k)", "k", "'k' has no ="),
        (f"void f({X}, float *y, int h, int w_, int k)", "return=fine", "a role is one of status, success"),
        (
            f"void f({X}, float *y, float *t, int h, int w_, int k)",
            "t=workspace[h**2]",
            "a workspace has a size in roles",
        ),
        (f"void f({X}, float *y, float *t, int h, int w_, int k)", "t=workspace[t]", "a workspace has a size in roles"),
        (f"void f({X}, float *y, std::vector<int> s)", "", "is one of C.*C\\+\\+ needs extern"),
        (f"void f({X}, float *y, struct layer l)", "", "parameter 'l' is struct layer"),
        (f"void f({X}, float *y, int n, ...)", "", "it takes any number of arguments"),
        (f"void f({X}, float **y, int n)", "", "parameter 'y' is a pointer to float \\*"),
        (f"void g({X}, float *y, int n)", "", "its name is 'g', not 'f'"),
        ("int f;", "", "it declares no function"),
        ("void f(", "", "a prototype is one of C"),
    ],
)
def test_what_is_not_clear_is_refused_in_one_line(text, roles, said):
    with pytest.raises(TargetError, match=said) as caught:
        reading(text, roles=roles, name="f")
    assert "\n" not in str(caught.value)


def test_two_readings_are_refused_with_the_choices_and_settled_by_a_word():
    text = "void conv2d(const float *a, const float *c, float *y, int h, int w_, int k)"
    with pytest.raises(TargetError, match="would fit"):
        reading(text)
    assert reading(text, roles="a=weight c=input")[0]["a"] == "weight"


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("const float *restrict x", "float32"),
        ("double const x[]", "float64"),
        ("int8_t *__restrict__ x", "int8"),
        ("std::uint8_t *x", "uint8"),
        ("unsigned long long *x", "uint64"),
        ("long long int *x", "int64"),
        ("short unsigned int *x", "uint16"),
        ("_Float16 *x", "float16"),
        ("float _Complex *x", "complex64"),
        ("const real *x", "float64"),
        ("void *x", "uint8"),
    ],
)
def test_types_are_read(declared, kind):
    one = prototype(f"void f({declared})", "f", "typedef double real;").parameters[0]
    assert (one.kind, one.pointer, one.name) == (kind, True, "x")
    assert one.const == ("const" in declared)


@pytest.mark.parametrize(
    ("declared", "kind"),
    [
        ("size_t n", "c_ulong"),
        ("const int n", "c_int"),
        ("bool n", "c_bool"),
        ("float n", "c_float"),
        ("index n", "c_long"),
    ],
)
def test_numbers_are_read(declared, kind):
    one = prototype(f"void f({declared})", "f", "typedef ptrdiff_t index;").parameters[0]
    assert (one.kind, one.pointer) == (kind, False)


SOURCE = """
typedef float real; using other = double;
static void helper(int a) { conv(a); }
void conv(const real *x);               // declared
/* void conv(int wrong) { } */
__attribute__((noinline)) extern "C" int
conv(const real *__restrict__ x, real *b) noexcept
{
    if (b) { helper(1); }
    return 0;
}
void later(void) { conv(0, 0); }
"""


def test_a_definition_is_found_among_calls_declarations_and_comments():
    head, body, typedefs = definition(SOURCE, "conv")
    found = prototype(head, "conv", typedefs, body)
    assert [(one.name, one.kind, one.const) for one in found.parameters] == [
        ("x", "float32", True),
        ("b", "float32", False),
    ]
    assert (found.returns, found.tests_for_null("b"), found.tests_for_null("x")) == ("c_int", True, False)
    several = (
        'template <class T> void f(T *x) { x++; }\nint f(int a) { return a; }\nextern "C" void f(float *x) { g(x); }'
    )
    assert definition(several, "f")[1] == "{ g(x); }"
    with pytest.raises(TargetError, match="the source must define the function: function='conv3d'"):
        definition(SOURCE, "conv3d")


@pytest.mark.parametrize(
    ("body", "asks"),
    [
        ("y = b ? b[0] : 0;", True),
        ("if (b != NULL) y += b[0];", True),
        ("if (b != ((void *)0)) y += b[0];", True),
        ("if (!b) return;", True),
        ("if (nullptr == b) return;", True),
        ("y += b[0] * (x > 0 ? 1 : 2);", False),
        ("y = sum(b);", False),
    ],
)
def test_whether_a_body_asks_for_null(body, asks):
    assert prototype("void f(float *b)", "f", body=body).tests_for_null("b") == asks


def test_a_missing_parser_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pycparser", None)
    with pytest.raises(TargetError, match=r"pip install 'conv-oracle\[c\]' would fit"):
        prototype("void f(float *b)", "f")
