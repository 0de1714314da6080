"""One command for everything: the programs' own commands, a local network, the demonstration."""
