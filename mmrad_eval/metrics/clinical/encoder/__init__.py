"""One small BERT encoder runner that reads the files of RadGraph, CheXbert and BERTScore.

Needs torch and tokenizers only, so no version of transformers matters. Nothing here imports torch before it is used.
"""
