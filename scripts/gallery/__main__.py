#!/usr/bin/env python3
"""Build the gallery: `python scripts/gallery`, then open .gallery/index.html. Needs `pip install conv-oracle[gallery]`.

Every number, picture and table is computed by conv_oracle; where PyTorch disagrees, nothing is written. Exit code 0:
built; 1: torch or a golden vector disagreed, or the disk refused; 2: usage, or a library is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
if not __package__:
    sys.path[0] = str(HERE.parent)  # in place of this folder, whose modules are the package's

try:
    import click
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from gallery.drawing import for_readme
    from gallery.errors import FolderError, GalleryError, NodeMissingError
    from gallery.golden import check
    from gallery.notebooks import notebooks, run, text
    from gallery.site import count, own_folder, write
except ModuleNotFoundError as missing:
    print(f"gallery: {missing}; `pip install conv-oracle[gallery]` would fit", file=sys.stderr)
    sys.exit(2)

PICTURE = HERE.parents[1] / "reference" / "pictures" / "index_map.svg"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--into",
    type=click.Path(path_type=Path, file_okay=False),
    default=HERE.parents[1] / ".gallery",
    help="The folder that the site is written into; .gallery in the repository by default.",
)
@click.option(
    "--refresh", is_flag=True, help="Rewrite reference/pictures/ and the notebooks' outputs, and build nothing."
)
def gallery(*, into: Path, refresh: bool) -> int:
    """Build the site: compute every page, compare it with PyTorch, check its JavaScript, and write it."""
    if refresh:
        return _refresh()
    own_folder(into)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        checking = progress.add_task("the JavaScript on the golden vectors", total=1)
        try:
            said = f"its JavaScript gave the right answer to {check()} questions of the golden vectors"
        except NodeMissingError as missing:
            said = f"its JavaScript was NOT checked on the golden vectors: {missing}"
        progress.advance(checking)
        pages = progress.add_task("the pages", total=count())
        weight = write(into, lambda: progress.advance(pages))
    print(f"{into / 'index.html'}: {weight.files} files, {weight.total / 2**20:.2f} MiB; {said}")
    return 0


def _refresh() -> int:
    """Rewrite what the repository keeps of the gallery, where it has changed."""
    kept = {PICTURE: for_readme().svg} | {path: text(run(path)) for path in notebooks()}
    for path, content in kept.items():
        changed = not path.is_file() or path.read_text(encoding="utf-8") != content
        if changed:
            path.write_text(content, encoding="utf-8")
        print(f"{path.relative_to(HERE.parents[1])}: {'rewritten' if changed else 'unchanged'}")
    return 0


def main(arguments: Sequence[str]) -> int:
    """The command, with its errors in one line each."""
    try:
        return int(gallery.main(list(arguments), prog_name="gallery", standalone_mode=False) or 0)
    except click.ClickException as error:
        return _failed(error.format_message(), 2)
    except FolderError as error:
        return _failed(str(error), 2)
    except (GalleryError, OSError) as error:
        return _failed(str(error), 1)
    except (click.Abort, KeyboardInterrupt):
        return _failed("interrupted; nothing was written, or an earlier site is incomplete: run it again", 130)


def _failed(message: str, code: int) -> int:
    print(f"gallery: {' '.join(message.split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
