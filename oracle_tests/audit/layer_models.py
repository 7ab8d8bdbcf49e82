"""Networks whose convolutions are recorded, and functions that make none."""

import os
import sys
import time

import torch
from torch import nn


class Network(nn.Module):
    """One convolution of every kind: with a bias and without, grouped, transposed, padded by a word and by a mode."""

    def __init__(self):
        super().__init__()
        self.sound = nn.Conv1d(3, 8, 5, padding="same")
        self.grouped = nn.Conv2d(4, 8, 3, stride=2, padding=(1, 0), groups=2, bias=False)
        self.upsampled = nn.ConvTranspose2d(8, 6, 4, 2, 1, output_padding=1, groups=2)
        self.reflected = nn.Conv2d(6, 6, 3, padding=1, padding_mode="reflect")
        self.even = nn.Conv2d(6, 6, 4, padding="same")
        self.norm = nn.BatchNorm2d(6)

    def forward(self, sound, image):
        image = self.even(self.reflected(self.upsampled(self.grouped(image))))
        image = torch.conv2d(self.norm(image), torch.ones(2, 6, 1, 1), stride=(2, 1))
        return self.sound(sound).sum() + image.sum()


class Inferring(Network):
    def forward(self, sound, image):
        with torch.inference_mode():
            return super().forward(sound, image)


INPUTS = {"sound": torch.zeros(2, 3, 40), "image": torch.zeros(1, 4, 20, 25)}


def network():
    sys.stdout.write("words that are no answer\n")
    return Network(), tuple(INPUTS.values())


def inferring():
    return Inferring(), INPUTS


def traced():
    return torch.jit.trace(Network().eval(), tuple(INPUTS.values())), tuple(INPUTS.values())


def exported():
    return torch.export.export(Network().eval(), tuple(INPUTS.values())).module(), tuple(INPUTS.values())


def unbatched():
    return nn.Conv2d(3, 4, 3), torch.zeros(3, 8, 9)


def with_example():
    model = nn.Conv2d(3, 4, 3)
    model.example_input_array = torch.zeros(1, 3, 8, 9)
    return model


def without_input():
    return nn.Conv2d(3, 4, 3)


def of_other_channels():
    return nn.Conv2d(3, 4, 3), torch.zeros(1, 5, 8, 9)


def without_convolution():
    return nn.Linear(3, 4), torch.zeros(3)


def never_ends():
    time.sleep(1000)


def ends_at_once():
    os._exit(3)
