"""Explain a network: attention maps and attribution of its output to input pixels."""
