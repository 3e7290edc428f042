"""CheXbert labels and vectors, and BERTScore: what an encoder says of a text."""
