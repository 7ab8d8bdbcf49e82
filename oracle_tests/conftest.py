"""One thread per process, the options --seed and --problem, and the coverage table at the end of a run."""

import os
from collections import Counter

import pytest

from sweep.tally import KEY, Tally

# Before anything imports NumPy or torch; the workers inherit it.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

DEFAULT_SEED = 1
_totals = Tally()


def pytest_addoption(parser):
    group = parser.getgroup("conv-oracle")
    group.addoption("--seed", type=int, default=DEFAULT_SEED, help="what the operands and random problems follow from")
    group.addoption("--problem", metavar="NOTATION", help="repeat a single problem of the sweep, and run nothing else")


def pytest_configure(config):
    # torch tells us that an odd 'same' costs a copy.
    config.addinivalue_line("filterwarnings", "ignore:Using padding='same' with even kernel lengths:UserWarning")


def pytest_report_header(config):
    return f"conv-oracle: seed {config.option.seed}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    seen = Counter()
    for item in items:
        if sampled := item.get_closest_marker("sampled"):
            name = item.nodeid.partition("[")[0]
            if seen[name] % sampled.args[0]:
                item.add_marker(pytest.mark.slow)
            seen[name] += 1
    alone = [item for item in items if item.name == "test_one_problem"]
    others = [item for item in items if item.name != "test_one_problem"]
    kept, dropped = (alone, others) if config.option.problem else (others, alone)
    config.hook.pytest_deselected(items=dropped)
    items[:] = kept


@pytest.fixture(scope="session")
def seed(request):
    return request.config.option.seed


@pytest.fixture
def tally(request):
    """Counts what the test compares, for the table at the end."""
    counted = Tally()
    yield counted
    request.node.user_properties.append((KEY, counted.as_json()))


def pytest_runtest_logreport(report):
    if report.when == "teardown":
        for name, value in report.user_properties:
            if name == KEY:
                _totals.add(value)


def pytest_terminal_summary(terminalreporter, config):
    if _totals.counts:
        terminalreporter.section("coverage: problems by operation and parameter")
        for line in _totals.table(seed=config.option.seed):
            terminalreporter.line(line)
