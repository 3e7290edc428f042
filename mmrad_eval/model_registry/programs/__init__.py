"""Models without a server: a program of the user's own, or of ours, that reads requests and writes replies as lines."""
