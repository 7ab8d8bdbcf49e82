"""The problems to test: lists by level, layer, extent and constants of a source; smaller problems for reduction."""

from conv_oracle.auditing.problems.constants import mined, own_source, source_texts
from conv_oracle.auditing.problems.edges import EDGES, Edge, edge_of, ordinary
from conv_oracle.auditing.problems.essential import ESSENTIAL_FILE, MOST_ESSENTIAL, essential
from conv_oracle.auditing.problems.extents import MOST_MULTIPLY_ADDS, affordable, extents
from conv_oracle.auditing.problems.fixed import ESSENTIAL_SIZES, layer, of_layer
from conv_oracle.auditing.problems.lists import edges, invalid_arguments, lacks_output, problems, unsolvable
from conv_oracle.auditing.problems.onnx_layers import layers_in_onnx, options_of_model
from conv_oracle.auditing.problems.recorded import OwnLayers, layer_of_notation, layers_in_text, own_layers
from conv_oracle.auditing.problems.remaking import axes_of, batch_of, channels_of, longer, remade
from conv_oracle.auditing.problems.restrictions import Restriction, channels_in_multiples, fitted_to, size_restrictions
from conv_oracle.auditing.problems.smaller import smaller

__all__ = [
    "EDGES",
    "ESSENTIAL_FILE",
    "ESSENTIAL_SIZES",
    "MOST_ESSENTIAL",
    "MOST_MULTIPLY_ADDS",
    "Edge",
    "OwnLayers",
    "Restriction",
    "affordable",
    "axes_of",
    "batch_of",
    "channels_in_multiples",
    "channels_of",
    "edge_of",
    "edges",
    "essential",
    "extents",
    "fitted_to",
    "invalid_arguments",
    "lacks_output",
    "layer",
    "layer_of_notation",
    "layers_in_onnx",
    "layers_in_text",
    "longer",
    "mined",
    "of_layer",
    "options_of_model",
    "ordinary",
    "own_layers",
    "own_source",
    "problems",
    "remade",
    "size_restrictions",
    "smaller",
    "source_texts",
    "unsolvable",
]
