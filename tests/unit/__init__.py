"""Tests of components/ on recorded registrations: no engine, no server."""
