"""The sandbox's stand-in for the official Vault plugin: the resource types that our programs use."""
