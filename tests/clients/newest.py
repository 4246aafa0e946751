"""Run the contract with the Kafka clients against the newest versions that are allowed.

If the lock has them, this environment does. Else they are installed into one of their own under
build/. Without a package index, the contract is run against the locked versions, and that is said.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from reftrail.local.held_process import HeldProcess

ROOT: Final = Path(__file__).parents[2]
LOCK: Final = ROOT / "requirements.lock"
NEWEST: Final = ROOT / "build" / "newest-clients.lock"
ENVIRONMENT: Final = ROOT / "build" / "newest-clients"
CLIENTS: Final = ("aiokafka", "kafka-python", "faust-streaming")


def main() -> None:
    """Exit with pytest's code."""
    python = Path(sys.executable)
    if (newest := resolved()) is None:
        print("the package index can't be reached: the locked versions are tried", flush=True)
        newest = pinned(LOCK)
    if newest != pinned(LOCK):
        python = installed()
    print("clients:", *(f"{name} {version}" for name, version in newest.items()), flush=True)
    tests = str(ROOT / "tests" / "clients")
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", tests]
    sys.exit(HeldProcess[bytes](command, cwd=ROOT).wait())


def resolved() -> dict[str, str] | None:
    """The newest allowed version of each client, with all else as locked where that fits."""
    NEWEST.parent.mkdir(exist_ok=True)
    shutil.copyfile(LOCK, NEWEST)
    upgrades = [part for name in CLIENTS for part in ("--upgrade-package", name)]
    compiled = subprocess.run(
        [
            *uv("pip", "compile"),
            *("--quiet", "--universal", "--generate-hashes", "--python-version", "3.11"),
            *("--no-header", "--no-emit-index-url", "--extra", "dev"),
            *upgrades,
            *("-o", str(NEWEST), str(ROOT / "pyproject.toml")),
        ],
        check=False,
        capture_output=True,
        text=True,
    )
    if compiled.returncode:
        print(compiled.stderr, file=sys.stderr)
        return None
    return pinned(NEWEST)


def pinned(lock: Path) -> dict[str, str]:
    """The clients' versions in a lock."""
    lines = [
        line.split()[0].partition("==") for line in lock.read_text().splitlines() if "==" in line
    ]
    return {name: version for name, _, version in lines if name in CLIENTS}


def installed() -> Path:
    """The interpreter of an environment with the newest clients."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        run(uv("venv"), "--quiet", "--python", sys.executable, str(ENVIRONMENT))
    target = ("--quiet", "--python", str(python))
    run(uv("pip", "sync"), *target, "--require-hashes", str(NEWEST))
    run(uv("pip", "install"), *target, "--no-deps", "--no-build-isolation", "-e", str(ROOT))
    return python


def uv(*command: str) -> list[str]:
    return [str(Path(sys.executable).with_name("uv")), *command]


def run(command: list[str], *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    subprocess.run([*command, *arguments], check=True, env=environment)


if __name__ == "__main__":
    main()
