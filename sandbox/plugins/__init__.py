"""Bulkhead."""
