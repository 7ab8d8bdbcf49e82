"""The numbers of the pages, a function for each: computed by conv_oracle, compared with PyTorch, given as a dict."""

from gallery.facts.backward import backward, input_gradient, weight_gradient
from gallery.facts.catalogue import catalogue
from gallery.facts.continuous import convolution, correlation, derivative, figures
from gallery.facts.dense import banded, dense
from gallery.facts.discrete import convolved, correlated, patches, translated
from gallery.facts.images import images
from gallery.facts.layers import channels, sizes
from gallery.facts.words import colours, frequency, locality

__all__ = [
    "backward",
    "banded",
    "catalogue",
    "channels",
    "colours",
    "convolution",
    "convolved",
    "correlated",
    "correlation",
    "dense",
    "derivative",
    "figures",
    "frequency",
    "images",
    "input_gradient",
    "locality",
    "patches",
    "sizes",
    "translated",
    "weight_gradient",
]
