"""The image of the hosts, built by the container engine that this machine has."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

IMAGE = "reftrail-test"
BASE = "debian:bookworm-slim"
ROOT = Path(__file__).parents[2]


def engine() -> str:
    """docker or podman, whichever answers; CONTAINER_ENGINE names another one."""
    for name in filter(None, (os.environ.get("CONTAINER_ENGINE"), "docker", "podman")):
        if (
            shutil.which(name)
            and not subprocess.run([name, "info"], capture_output=True, check=False).returncode
        ):
            return name
    raise RuntimeError("no container engine answers; start docker, or install podman")


def build(engine: str) -> None:
    """Build the image. Where no registry has the base image, Debian's packages make one."""
    if not _has_base(engine):
        _bootstrap(engine)
    subprocess.run(
        [
            engine,
            "build",
            "--network=host",
            f"--tag={IMAGE}",
            "--file=infra/compose/Dockerfile",
            ".",
        ],
        cwd=ROOT,
        check=True,
    )


def _has_base(engine: str) -> bool:
    return _succeeds(engine, "image", "inspect", BASE) or _succeeds(engine, "pull", BASE)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _bootstrap(engine: str) -> None:
    """Debian without documentation, as the image of that name; needs root and debootstrap."""
    if not shutil.which("debootstrap"):
        raise RuntimeError(f"{BASE} can't be pulled; install debootstrap to make it, as root")
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], check=True)
        for unneeded in ("usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt"):
            shutil.rmtree(root / unneeded, ignore_errors=True)
        for lists in (root / "var/lib/apt/lists").iterdir():
            shutil.rmtree(lists) if lists.is_dir() else lists.unlink()
        _trust_what_this_machine_trusts(root)
        archive = subprocess.Popen(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE)
        subprocess.run([engine, "import", "-", BASE], stdin=archive.stdout, check=True)
        if archive.wait():
            raise RuntimeError("the base image could not be packed")


def _trust_what_this_machine_trusts(root: Path) -> None:
    """A machine that reaches registries through a proxy has the proxy's certificate."""
    given = os.environ.get("SSL_CERT_FILE")
    if given:
        shutil.copy(given, root / "etc" / "machine.pem")
        (root / "etc" / "pip.conf").write_text("[global]\ncert = /etc/machine.pem\n")


def size(engine: str) -> int:
    """Bytes of the image, unpacked."""
    return int(output([engine, "image", "inspect", "--format={{.Size}}", IMAGE]))


def output(command: list[str]) -> str:
    """The output of a command."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
