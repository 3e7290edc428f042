"""Reader studies: planned, made as offline pages for blinded readers, and merged into numbers."""
