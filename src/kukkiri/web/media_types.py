"""Media types of image formats, and of the files of the page."""

__all__ = ["MEDIA_TYPES", "PAGE_TYPES"]

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WebP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "GIF": "image/gif",
    "HEIC": "image/heic",
    "BMP": "image/bmp",
    "TGA": "image/x-tga",
    "JPEG 2000": "image/jp2",
    "JPEG XL": "image/jxl",
    "Netpbm": "image/x-portable-anymap",
    "PFM": "image/x-portable-floatmap",
    "Radiance HDR": "image/vnd.radiance",
    "OpenEXR": "image/x-exr",
}
"""By the name that :func:`kukkiri.images.formats.recognize` gives."""
PAGE_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gz": "application/gzip",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".onnx": "application/octet-stream",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}
"""By suffix; the machine's own table, which differs from one to the next, is not asked."""
