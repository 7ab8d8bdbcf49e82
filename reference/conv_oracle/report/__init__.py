"""Reports: a verdict in a terminal, as JSON, Markdown, a script or a page; and the catalogue entry of a fault."""

from conv_oracle.report.document import SCHEMA_VERSION, document
from conv_oracle.report.explain import Example, example, explained
from conv_oracle.report.markdown import markdown
from conv_oracle.report.output import STANDARD_OUTPUT, OutputError, console, unbroken, write
from conv_oracle.report.page import in_a_notebook, lacking, page
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.terminal import print_lines, print_verdict

__all__ = [
    "SCHEMA_VERSION",
    "STANDARD_OUTPUT",
    "Example",
    "OutputError",
    "ScriptError",
    "console",
    "document",
    "example",
    "explained",
    "in_a_notebook",
    "lacking",
    "markdown",
    "page",
    "print_lines",
    "print_verdict",
    "script",
    "unbroken",
    "write",
]
