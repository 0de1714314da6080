"""Figures that the READMEs claim, each with its command."""
