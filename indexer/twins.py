"""The tables' classes under their own names, as the fold uses them: light twins of those in `tables`.

To a type checker they are the same. An ORM object costs a hundred times what a change of an integer should.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer import tables
    from indexer.tables import *  # noqa: F403

    __all__ = tables.__all__
else:
    from indexer.layout import LAYOUTS

    globals().update({layout.title: layout.twin for layout in LAYOUTS.values()})
