"""Reports: a verdict in a terminal, as JSON, JUnit, Markdown, a script or a page, for GitHub; a fault explained."""

from conv_oracle.report.brief import brief
from conv_oracle.report.document import SCHEMA_VERSION, document
from conv_oracle.report.explain import Example, example, explained
from conv_oracle.report.github import workflow_commands
from conv_oracle.report.junit import junit
from conv_oracle.report.markdown import markdown
from conv_oracle.report.output import STANDARD_OUTPUT, OutputError, console, unbroken, write
from conv_oracle.report.page import in_a_notebook, lacking, page
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.terminal import named, print_lines, print_verdict, replay_line

__all__ = [
    "SCHEMA_VERSION",
    "STANDARD_OUTPUT",
    "Example",
    "OutputError",
    "ScriptError",
    "brief",
    "console",
    "document",
    "example",
    "explained",
    "in_a_notebook",
    "junit",
    "lacking",
    "markdown",
    "named",
    "page",
    "print_lines",
    "print_verdict",
    "replay_line",
    "script",
    "unbroken",
    "workflow_commands",
    "write",
]
