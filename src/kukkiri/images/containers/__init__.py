"""Metadata of each file format, kept byte by byte: libvips rewrites EXIF, adds some, and reads none in TIFF."""
