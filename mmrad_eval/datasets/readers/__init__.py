"""One reader a file format: each yields the records of a dataset as they are on disk."""
