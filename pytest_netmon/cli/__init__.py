"""The command `netmon`: main.py finds the subcommand, one module each holds the rest."""
