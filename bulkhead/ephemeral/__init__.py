"""`bulkhead ephemeral`: environments that live for a while, and leave nothing behind.

What makes one ephemeral is recorded in the stack itself, as Pulumi's stack tags, so that a clean-up on another
machine finds it without a checkout that knows it. Everything else is Pulumi's own: `pulumi up` and
`pulumi destroy` work on such a stack as on any other.
"""
