"""Metadata inside each file format, byte for byte: libvips rewrites EXIF, invents some, and knows none in TIFF."""
