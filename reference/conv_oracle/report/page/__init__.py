"""A verdict as one HTML page that needs nothing besides itself, in a file and in a notebook."""

from conv_oracle.report.page.formulas import beside
from conv_oracle.report.page.notebook import in_a_notebook
from conv_oracle.report.page.rendering import lacking, page

__all__ = ["beside", "in_a_notebook", "lacking", "page"]
