"""The sandbox's stand-in for the official Kubernetes plugin: any kind, applied for real."""
