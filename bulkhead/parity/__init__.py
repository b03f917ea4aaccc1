"""`bulkhead parity`: what differs between two environments' programs, and which value of a stack file says so."""
