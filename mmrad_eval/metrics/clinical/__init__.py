"""Clinical metrics that read weights: engines, encoders, graphs, labels and vectors."""
