"""Figures that the documents quote, each beside a peer measured in the same run."""
