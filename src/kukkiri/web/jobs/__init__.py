"""Work that survives: jobs in SQLite with their files, and the worker processes that do them."""
