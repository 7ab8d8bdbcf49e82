"""The gallery: a static site with each formula of convolution, seen, proved and played with, in English and Korean.

    pages       what there is, and in which order
    facts/      every number and table of a page, computed by conv_oracle and compared with PyTorch
    errors      what can go wrong
    agreement   that comparison: exact, or by a bound
    sources     definitions and tests, drawn from their files
    text        formulas to MathML, words in two languages
    golden      the site's JavaScript on the golden vectors
    drawing     pictures as SVG, for README and the notebooks
    notebooks   the notebooks of reference/notebooks/, run
    site        all of it, written into a folder

`python scripts/gallery` runs it. templates/ and assets/ hold the pages' HTML, and their styles and JavaScript.
"""
