"""The sandbox's stand-in for the official random plugin: passwords."""
