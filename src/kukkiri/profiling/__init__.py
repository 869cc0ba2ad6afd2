"""Cost of a model: parameters, multiply-adds, memory, and time by stage."""
