"""Tests of what must not change by accident: tokens, names, keys, commands, generated files."""
