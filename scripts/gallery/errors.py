"""What can go wrong with the gallery: one exception type per kind of mistake."""

from __future__ import annotations

from conv_oracle.errors import ConvOracleError


class GalleryError(ConvOracleError):
    """The gallery cannot be built as it is."""


class FolderError(GalleryError):
    """The folder that was given cannot take a site."""


class NodeMissingError(GalleryError):
    """There is no node to run JavaScript with."""
