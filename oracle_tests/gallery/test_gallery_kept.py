"""What the repository keeps of the gallery, README's picture and the notebooks, is what would be made of it now."""

import re
import shutil
import xml.etree.ElementTree as ET

import nbformat
import numpy as np
import pytest

from conv_oracle import formulas
from conv_oracle.geometry import conv_geometry
from gallery import __main__ as command
from gallery import drawing, notebooks
from gallery.errors import GalleryError

SVG = "{http://www.w3.org/2000/svg}"


def test_the_picture_in_readme_is_the_one_that_is_drawn():
    kept = command.PICTURE.read_text(encoding="utf-8")
    assert kept == drawing.for_readme().svg
    other = drawing.index_map(conv_geometry((1, 1, 7), (1, 1, 3), stride=2), 1, [3, 1, 4, 1, 5, 9, 2], [1, 2, 3])
    assert kept != other.svg


def test_a_picture_shows_the_index_map_and_has_a_title():
    geometry = conv_geometry((1, 1, 6), (1, 1, 2), stride=2, padding=((1, 0),), dilation=3)
    x, w = [1, 2, 3, 4, 5, 6], [10, 1]
    tree = ET.fromstring(drawing.index_map(geometry, 1, x, w).svg)  # noqa: S314 - our own text
    assert "y[1] = 10·2 + 1·5 = 25" in tree.find(f"{SVG}title").text
    lines = tree.findall(f"{SVG}line")
    assert len(lines) == 2 * 2
    assert sum(line.get("class") == "read" for line in lines) == 2
    chosen = [box for box in tree.findall(f"{SVG}rect") if "chosen" in box.get("class")]
    assert len(chosen) == 1 + 2


def test_a_picture_is_not_drawn_where_torch_disagrees(monkeypatch):
    monkeypatch.setattr(formulas, "conv", lambda *_, **__: np.zeros((1, 1, 4), int))
    with pytest.raises(GalleryError, match="the picture: conv_oracle and torch agree"):
        drawing.for_readme()


@pytest.mark.parametrize("path", notebooks.notebooks(), ids=lambda path: path.stem)
def test_a_notebook_runs_from_top_to_bottom_and_gives_what_it_shows(path):
    assert notebooks.text(notebooks.run(path)) == path.read_text(encoding="utf-8"), "python scripts/gallery --refresh"


def test_there_are_notebooks_and_each_compares_with_torch():
    assert len(notebooks.notebooks()) == 3
    for path in notebooks.notebooks():
        source = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
        assert "import torch" in source
        assert re.search("[가-힣]", source)


@pytest.fixture
def notebook(tmp_path):
    """A copy of a notebook, which a test may spoil: what writes one of its cells anew."""
    path = tmp_path / "copy.ipynb"
    shutil.copy(notebooks.FOLDER / "gradients.ipynb", path)

    def spoil(number, source):
        whole = nbformat.read(path, as_version=4)
        [cell for cell in whole.cells if cell.cell_type == "code"][number - 1].source = source
        nbformat.write(whole, path)
        return path

    return spoil


def test_a_notebook_that_fails_is_named_with_its_cell(notebook):
    with pytest.raises(GalleryError, match=r"a notebook runs: copy\.ipynb: cell 2: ZeroDivisionError"):
        notebooks.run(notebook(2, "1 / 0"))


def test_a_notebook_whose_outputs_are_old_is_seen(notebook):
    path = notebook(2, "formulas.input_gradient(W, delta)[2 - 1]")
    assert notebooks.text(notebooks.run(path)) != path.read_text(encoding="utf-8")
    assert "W1*d2 + W2*d1" in notebooks.text(notebooks.run(path))


def test_refreshing_changes_nothing_that_is_as_it_should_be(capsys):
    assert command.main(["--refresh"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 4
    assert all(line.endswith(": unchanged") for line in said), said
