"""Sources are compiled in a private place, and what is missing or wrong is one line with exit code 2."""

import ctypes
import os
import re
import stat
import sys

import pytest
from click.testing import CliRunner

from conv_oracle.auditing import AuditOptions
from conv_oracle.auditing.targets import building, making_of
from conv_oracle.cli import main
from conv_oracle.errors import TargetError

RIGHT = "void conv1d(const float *x, const float *w, float *y, int l, int k) { }\n"
REFUSED = 2


def said(*arguments):
    """The one line of a command that refuses."""
    result = CliRunner().invoke(main, ["audit", *map(str, arguments), "--level", "quick"])
    assert result.exit_code == REFUSED, result.output
    (line,) = result.output.splitlines()
    return line


@pytest.fixture
def source(tmp_path):
    def written(text, name="conv.c"):
        (tmp_path / name).write_text(text)
        return f"{tmp_path / name}:conv1d"

    return written


def built(target, **options):
    with making_of(AuditOptions(target=target, level="quick").native, **options) as making:
        library = making.words["library"]
        folder = os.stat(os.path.dirname(library))  # noqa: PTH116, PTH120 - as it is on the disk
        return library, stat.S_IMODE(folder.st_mode), ctypes.CDLL(library), making


def test_a_library_is_in_a_private_folder_and_gone_afterwards(source):
    library, mode, _, making = built(source(RIGHT))
    assert mode == 0o700
    assert not os.path.exists(library)  # noqa: PTH110
    assert making.environment == {}
    assert any(line.startswith("called as void conv1d(") and "l=size" in line for line in making.told)


def test_a_source_that_uses_openmp_is_compiled_with_it(source):
    body = "#include <omp.h>\nint threads(void) { return omp_get_max_threads(); }\n"
    assert built(source(body + RIGHT))[2].threads() >= 1


def test_the_compiler_of_the_environment_comes_first(source, monkeypatch, tmp_path):
    log = tmp_path / "log"
    wrapper = tmp_path / "mycc"
    wrapper.write_text(f'#!/bin/sh\necho "$@" >> {log}\nexec cc "$@"\n')
    wrapper.chmod(0o755)
    monkeypatch.setenv("CC", f"{wrapper} -DMINE=1")
    built(source("#ifndef MINE\n#error not mine\n#endif\n" + RIGHT))
    assert "-DMINE=1 -O2 -shared -fPIC" in log.read_text()


def test_a_missing_compiler_is_told(source, monkeypatch, tmp_path):
    target = source(RIGHT)
    monkeypatch.setenv("PATH", str(tmp_path))
    for name in ("CC", "CXX", "NVCC"):
        monkeypatch.delenv(name, raising=False)
    assert "a .c file needs a compiler: cc, gcc, clang on PATH is not there" in said(target)
    assert "c++, g++, clang++ on PATH is not there" in said(source(RIGHT, "conv.cpp"))
    assert "a .cu file needs a compiler: nvcc on PATH" in said(source(RIGHT, "conv.cu"))
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    assert "CC='no-such-compiler' is not there; installing one, or CC=COMMAND in the" in said(source(RIGHT, "other.c"))


def test_the_first_error_of_a_compiler_is_told(source):
    line = said(source(RIGHT.replace("{ }", "{ y = missing; z = 2; }")))
    assert "the target must compile" in line
    assert re.search(r"conv.c:1:\d+: error: .*missing", line)
    assert "the target must compile" in said(source("#include <no_such_header.h>\n" + RIGHT))


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("static " + RIGHT, "conv.c", "has no such function"),
        (RIGHT, "conv.cpp", 'in C++ it takes extern "C"'),
        ("int other;", "conv.c", "the source must define the function: function='conv1d'"),
        (
            RIGHT.replace("void conv1d", "bool conv1d").replace("{ }", "{ return true; }"),
            "conv.cpp",
            "what a bool means",
        ),
        (RIGHT.replace("int k", "struct layer *k"), "conv.c", "parameter 'k' is a pointer to struct layer"),
        (RIGHT.replace("int k", "int q7"), "conv.c", "int q7 of conv1d has none by its name"),
    ],
)
def test_what_cannot_be_called_is_refused_in_one_line(source, text, name, words):
    assert words in said(source(text, name))


def test_a_library_needs_a_prototype_and_is_one(tmp_path):
    (tmp_path / "libconv.so").write_text("no library")
    target = f"{tmp_path}/libconv.so:conv1d"
    assert "a shared library does not say how its functions are called" in said(target)
    prototype = ("--prototype", "void conv1d(float *x, float *w, float *y, int l, int k)")
    assert "the library cannot be loaded" in said(target, *prototype)
    assert "--sanitize is for a source" in said(target, *prototype, "--sanitize")
    assert "the target's file must exist" in said(f"{tmp_path}/libother.so:conv1d", *prototype)


def test_options_of_c_functions_are_for_c_functions(source):
    assert "prototype is for functions of C sources" in said("math:conv1d", "--prototype", "void f()")
    assert "a C function takes NumPy's arrays: arrays='torch'" in said(source(RIGHT), "--arrays", "torch")
    assert AuditOptions(target=source(RIGHT)).dtypes == ("float32",)
    assert AuditOptions(target=source(RIGHT.replace("float", "double"))).dtypes == ("float64",)
    assert AuditOptions(target=source(RIGHT), dtypes=("float16",)).dtypes == ("float16",)
    assert AuditOptions(target=source(RIGHT)).source == (source(RIGHT).rpartition(":")[0],)


def test_cuda_without_a_device_is_told(source, monkeypatch, tmp_path):
    nvcc = tmp_path / "nvcc"
    nvcc.write_text('#!/bin/sh\nexec c++ -x c++ "$@"\n')
    nvcc.chmod(0o755)
    monkeypatch.setenv("NVCC", str(nvcc))
    monkeypatch.setattr(building, "has_device", lambda: False)
    target = source(f'extern "C" {RIGHT}', "conv.cu")
    assert "CUDA source needs a CUDA device: " in said(target)
    monkeypatch.setattr(building, "has_device", lambda: True)
    assert "--sanitize is for C and C++" in said(target, "--sanitize")


def test_sanitizers_are_preloaded_where_they_are_there(source, monkeypatch):
    native = AuditOptions(target=source(RIGHT)).native
    monkeypatch.setenv("LD_PRELOAD", "")
    with making_of(native, sanitize=True) as making:
        assert (
            making.environment["LD_PRELOAD"].endswith((".so", ".so.8", ".so.6"))
            or "asan" in making.environment["LD_PRELOAD"]
        )
        assert "detect_leaks=0" in making.environment["ASAN_OPTIONS"]
        assert making.words["sanitized"] is True


def test_whether_there_is_a_device_is_asked_elsewhere(monkeypatch):
    monkeypatch.setattr(building, "DEVICES", "raise SystemExit(0)")
    assert building.has_device()
    monkeypatch.setattr(building, "DEVICES", "import ctypes; ctypes.CDLL('libno-such-driver.so')")
    assert not building.has_device()
    assert "libcuda" not in sys.modules


def test_errors_are_target_errors(source):
    with (
        pytest.raises(TargetError, match="the target must compile"),
        building.built(building.Path(source("int x = ;").rpartition(":")[0]), sanitize=False),
    ):
        pass
