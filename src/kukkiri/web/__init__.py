"""The web page and the HTTP API: one server process and its workers (FastAPI, no torch)."""
