"""conv-oracle: a convolution reference and a verdict on other people's convolutions."""
