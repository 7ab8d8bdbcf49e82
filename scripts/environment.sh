# Sourced by scripts/test and scripts/audit: makes .venv with pinned versions, once, and says in one line what is wrong.
#   environment EXTRAS    e.g. environment "" for the command alone, environment "[test]" for the suite

CALLER=$PWD
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2

fail() {
    printf '%s: %s\n' "scripts/$(basename "$0")" "$1" >&2
    exit 2
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    fail "Python 3.11 or newer is needed: ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 | head -n 1); PYTHON=/path/to/python3.11 would fit"
}

environment() {
    local extras=$1 python stamp wanted log
    stamp=.venv/installed${extras//[^a-z]/-}
    log=.venv/install.log
    wanted=$(cat pyproject.toml scripts/constraints.txt | cksum)
    if [ -x .venv/bin/python ] && [ "$(cat "$stamp" 2>/dev/null)" = "$wanted $PWD" ]; then
        return
    fi
    python=$(find_python) || exit 2
    printf 'Setting up .venv (once)%s ...\n' "${extras:+; the test libraries are about 300 MB to download where PyTorch comes as its CPU build, several GB otherwise; see README}" >&2
    "$python" -m venv .venv >/dev/null 2>&1 || fail "could not make .venv: $("$python" -m venv .venv 2>&1 | head -n 1)"
    if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 60 \
            --constraint scripts/constraints.txt hatchling editables >"$log" 2>&1 ||
        ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --retries 2 --timeout 60 \
            --constraint scripts/constraints.txt --no-build-isolation --editable ".$extras" >"$log" 2>&1; then
        fail "installing the libraries failed (no network?): $(grep -m 1 ERROR "$log" | cut -c 1-160); all of it is in $log"
    fi
    rm -f .venv/installed*
    printf '%s\n' "$wanted $PWD" >"$stamp"
    [ -z "$extras" ] || cp "$stamp" .venv/installed
}
