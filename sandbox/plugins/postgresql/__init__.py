"""The sandbox's stand-in for Pulumi's postgresql plugin."""
