"""The script of a finding, run as a reader of a bug report runs it."""

import ast
import subprocess
import sys


def run_script(text, folder):
    """The completed process of the script; asserts that it has at most 30 lines and imports nothing of conv-oracle."""
    assert len(text.splitlines()) <= 30
    imported = {alias.name for node in ast.walk(ast.parse(text)) for alias in getattr(node, "names", [])}
    assert not any(name.startswith("conv_oracle") for name in imported)
    (folder / "shows.py").write_text(text)
    return subprocess.run([sys.executable, folder / "shows.py"], capture_output=True, text=True, check=False)
