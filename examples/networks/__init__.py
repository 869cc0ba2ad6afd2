"""Users of learned upsampling from outside super-resolution: DCGAN, FCN and SegNet."""
