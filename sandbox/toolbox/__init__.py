"""The sandbox's programs: which ones, from where, and how they come onto a machine."""
