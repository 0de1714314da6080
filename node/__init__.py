"""What trainer, validator and wallet share: keys, the journal, sending exactly once, and the loop."""
