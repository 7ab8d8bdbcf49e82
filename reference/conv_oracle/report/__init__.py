"""Reports: a verdict in a terminal, as JSON, JUnit, Markdown, a script, for GitHub; and a fault explained."""

from conv_oracle.report.brief import brief
from conv_oracle.report.document import SCHEMA_VERSION, document
from conv_oracle.report.explain import explained
from conv_oracle.report.github import workflow_commands
from conv_oracle.report.junit import junit
from conv_oracle.report.markdown import markdown
from conv_oracle.report.output import STANDARD_OUTPUT, OutputError, console, unbroken, write
from conv_oracle.report.script import ScriptError, script
from conv_oracle.report.terminal import named, print_lines, print_verdict, replay_line

__all__ = [
    "SCHEMA_VERSION",
    "STANDARD_OUTPUT",
    "OutputError",
    "ScriptError",
    "brief",
    "console",
    "document",
    "explained",
    "junit",
    "markdown",
    "named",
    "print_lines",
    "print_verdict",
    "replay_line",
    "script",
    "unbroken",
    "workflow_commands",
    "write",
]
