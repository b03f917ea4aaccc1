"""`bulkhead isolation`: shows, from recorded states and on live servers, that environments are apart.

It shares no code with what makes names: whatever an environment owns is read from what the engine recorded of it.
"""
