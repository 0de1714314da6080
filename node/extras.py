"""Which extra of this package brings a module that is not installed, as the package's own metadata say."""

import re
from importlib.metadata import PackageNotFoundError, requires

_NAMES = {"sklearn": "scikit-learn"}  # of packages that are not called as their modules are
_REQUIREMENT = re.compile(r"([\w.-]+).*\bextra == ['\"](\w+)['\"]")


def extra_with(module: str) -> str | None:
    """The first extra, the developers' left out, that names the package of `module`; None where none does."""
    root = module.partition(".")[0]
    package = _NAMES.get(root, root).lower().replace("_", "-")
    try:
        lines = requires("skein") or []
    except PackageNotFoundError:
        return None
    found = [match.groups() for line in lines if (match := _REQUIREMENT.match(line))]
    return next((extra for name, extra in found if name.lower() == package and extra != "dev"), None)
