"""One paper, one file: the networks, with the state-dict keys of their official implementations."""
