"""Figures for papers: as wide as a column, in print, and the same bytes for the same run."""
