"""The `conv-oracle` command."""

from conv_oracle.cli.main import main

__all__ = ["main"]
