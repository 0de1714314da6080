"""How fast the indexer is, measured on a real node. `python -m benchmarks.indexer --help`."""
