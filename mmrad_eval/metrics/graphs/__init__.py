"""RadGraph: reports as entities and relations, and how much of one graph another holds."""
