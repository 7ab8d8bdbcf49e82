"""PyTorch as a subject: `--arrays torch`. Its functions are audited as they are."""

from torch.nn import functional, grad

conv1d, conv2d, conv3d = functional.conv1d, functional.conv2d, functional.conv3d
conv_transpose1d = functional.conv_transpose1d
conv_transpose2d = functional.conv_transpose2d
conv_transpose3d = functional.conv_transpose3d
conv1d_input, conv2d_input, conv3d_input = grad.conv1d_input, grad.conv2d_input, grad.conv3d_input
conv1d_weight, conv2d_weight, conv3d_weight = grad.conv1d_weight, grad.conv2d_weight, grad.conv3d_weight
