"""Meta-learning: MAML for any module, meta-transfer recipes, tasks and loop."""
