"""The `bulkhead` command: one module a noun, each thin over the code that does the work."""
