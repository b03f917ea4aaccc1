"""`bulkhead diff`: what an update would do to each stack, as a reviewer reads it."""
