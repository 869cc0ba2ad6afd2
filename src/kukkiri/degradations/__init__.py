"""From a high-resolution picture to a low-resolution one: kernels, sub-sampling, noise, JPEG."""
