"""Installs the others, each into an environment of its own: ``make peers``. Needs a package index, as pip has it set.

Their modules are compiled, as ours are: a start must not pay for that.
"""

import os
import subprocess
import sys

from benchmarks.products import PEERS, Product


def install(product: Product) -> None:
    """Raises ``subprocess.CalledProcessError`` when pip fails."""
    folder = product.program.parent.parent
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    print(f"{product.name} into {folder} ...", flush=True)
    subprocess.run([sys.executable, "-m", "venv", folder], check=True, env=environment)
    pip = [str(folder / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *product.packages], check=True, env=environment)


if __name__ == "__main__":
    for peer in PEERS:
        install(peer)
