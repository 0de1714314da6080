"""Keep Brownie inside the checkout: imported by every Python of .venv-contracts as it starts (see scripts/setup).

Brownie and py-solc-x write to the home directory and look for tools on PATH. Here home is .toolchain/home, the compiler
lies in .toolchain/solcx and .toolchain/bin comes first on PATH, however Brownie is started.
"""

import os
import sys
from pathlib import Path

toolchain = Path(sys.prefix).parent / ".toolchain"
os.environ["HOME"] = str(toolchain / "home")
os.environ["SOLCX_BINARY_PATH"] = str(toolchain / "solcx")
os.environ["PATH"] = os.pathsep.join([str(toolchain / "bin"), os.environ.get("PATH", os.defpath)])
