"""The command `conv-oracle` as `python -m conv_oracle`."""

from conv_oracle.cli import main

main(prog_name="conv-oracle")
