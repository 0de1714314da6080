"""The commands: `skein account`, `skein stake`, `skein task`. They parse and print."""
