"""`bulkhead guard`: finds node addresses and foreign identities in files and in live objects."""
