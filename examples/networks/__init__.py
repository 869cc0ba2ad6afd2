"""Users of transposed convolution from outside super-resolution: DCGAN and FCN."""
