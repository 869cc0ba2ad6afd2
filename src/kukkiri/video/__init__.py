"""Video: frames in, frames out; every other stream is copied (PyAV, no torch)."""
