"""Published, repeatable measurements: overhead, metrics, statistics."""
