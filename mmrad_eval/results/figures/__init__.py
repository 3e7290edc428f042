"""Figures for papers: vector files, colour-blind safe, readable at the width of a column."""
