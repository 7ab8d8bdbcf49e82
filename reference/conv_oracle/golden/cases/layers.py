"""Layers that people run, at their real sizes: their results are told by digests, and no array is stored."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerCase:
    """One layer of a model that is in use."""

    id: str
    comment: str
    problem: str
    since: int = 2


LAYERS = (
    LayerCase("layer-resnet-stem", "ResNet: the first layer.", "conv2d x1x3x224x224 w64x3x7x7 s2 p3"),
    LayerCase("layer-resnet-3x3", "ResNet: a block's 3x3.", "conv2d x1x64x56x56 w64x64x3x3 p1"),
    LayerCase("layer-resnet-3x3-2", "ResNet: a block that halves.", "conv2d x1x128x28x28 w256x128x3x3 s2 p1"),
    LayerCase("layer-resnet-bottleneck", "ResNet: a bottleneck's 1x1.", "conv2d x2x256x14x14 w512x256x1x1"),
    LayerCase("layer-resnet-shortcut", "ResNet: a shortcut.", "conv2d x1x256x28x28 w512x256x1x1 s2"),
    LayerCase("layer-resnext-grouped", "ResNeXt: 32 groups.", "conv2d x1x128x28x28 w128x4x3x3 p1 g32"),
    LayerCase("layer-vgg-3x3", "VGG: a 3x3 with a bias.", "conv2d x1x64x56x56 w128x64x3x3 p1 bias"),
    LayerCase("layer-alexnet-stem", "AlexNet: the first layer.", "conv2d x1x3x224x224 w64x3x11x11 s4 p2 bias"),
    LayerCase("layer-mobilenet-depthwise", "MobileNet: a depthwise 3x3.", "conv2d x1x96x56x56 w96x1x3x3 s2 p1 g96"),
    LayerCase("layer-efficientnet-depthwise", "EfficientNet: depthwise 5x5.", "conv2d x1x144x28x28 w144x1x5x5 p2 g144"),
    LayerCase("layer-convnext-depthwise", "ConvNeXt: a depthwise 7x7.", "conv2d x1x96x56x56 w96x1x7x7 p3 g96 bias"),
    LayerCase("layer-convnext-patches", "ConvNeXt: patches of 4x4.", "conv2d x1x3x224x224 w96x3x4x4 s4 bias"),
    LayerCase("layer-vit-patches", "ViT: patches of 16x16.", "conv2d x1x3x224x224 w192x3x16x16 s16 bias"),
    LayerCase("layer-inception-1x7", "Inception: 1x7.", "conv2d x1x128x17x17 w128x128x1x7 p0,3"),
    LayerCase("layer-deeplab-atrous", "DeepLab: dilated by 12.", "conv2d x1x64x33x33 w64x64x3x3 p12 d12"),
    LayerCase("layer-unet-decoder", "U-Net: it doubles the size.", "conv_transpose2d x1x128x28x28 w128x64x2x2 s2 bias"),
    LayerCase("layer-dcgan-generator", "DCGAN: 4x4, stride 2.", "conv_transpose2d x1x128x16x16 w128x64x4x4 s2 p1"),
    LayerCase("layer-diffusion-3x3", "Stable Diffusion: a U-Net's 3x3.", "conv2d x1x160x32x32 w160x160x3x3 p1 bias"),
    LayerCase("layer-whisper-stem", "Whisper: its second layer.", "conv1d x1x192x1500 w192x192x3 s2 p1 bias"),
    LayerCase("layer-wav2vec-stem", "wav2vec 2.0: the first layer.", "conv1d x1x1x16000 w256x1x10 s5"),
    LayerCase("layer-mamba-causal", "Mamba: causal, depthwise.", "conv1d x2x768x256 w768x1x4 p3:0 g768 bias"),
    LayerCase("layer-hifigan-upsampling", "HiFi-GAN: times 8.", "conv_transpose1d x1x128x64 w128x64x16 s8 p4 bias"),
    LayerCase("layer-video-3x3x3", "C3D: a 3x3x3.", "conv3d x1x16x8x28x28 w32x16x3x3x3 p1 bias"),
    LayerCase("layer-medical-upsampling", "U-Net in 3-D.", "conv_transpose3d x1x32x8x12x10 w32x16x2x2x2 s2 bias"),
)
