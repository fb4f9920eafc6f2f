"""Make the environment in .venv from the hash-locked requirements; do nothing when it is current.

    python3 requirements/install.py         # to run, test and change Broadsheet (dev.txt)
    python3 requirements/install.py run     # only to run it (run.txt)

Uses nothing but the standard library, and says what to install when Python's venv module is missing.
"""

import hashlib
import importlib.util
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = HERE.parent / ".venv"
PYTHON = ENVIRONMENT / "bin" / "python"
STAMP = ENVIRONMENT / "installed-requirements"
OLDEST = (3, 11)


def main() -> None:
    lock = HERE / f"{sys.argv[1] if len(sys.argv) > 1 else 'dev'}.txt"
    require_usable_python()
    wanted = fingerprint(lock)
    if is_current(wanted):
        return
    if not works():
        sys.stderr.write("Making the environment in .venv\n")
        venv.EnvBuilder(with_pip=True, clear=True, symlinks=True).create(ENVIRONMENT)
    sys.stderr.write(f"Installing {lock.relative_to(HERE.parent)} into .venv; the first time takes a minute or two\n")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    if status := subprocess.call([*pip, "--requirement", str(lock)]):  # noqa: S603 - our own command line
        raise SystemExit(status)
    STAMP.write_text(wanted)


def require_usable_python() -> None:
    version = ".".join(str(part) for part in sys.version_info[:2])
    if sys.version_info[:2] < OLDEST:
        wanted = ".".join(str(part) for part in OLDEST)
        raise SystemExit(
            f"Broadsheet needs Python {wanted} or newer, and {sys.executable} is {version}.\n"
            f"Install a newer one and name it, for example: make setup PYTHON=python3.12"
        )
    if importlib.util.find_spec("ensurepip") is None:
        raise SystemExit(
            "Python's venv module is missing. On Debian or Ubuntu, install it with:\n"
            f"    sudo apt-get install python3-venv      (or python{version}-venv)\n"
            "and run this again."
        )


def fingerprint(lock: Path) -> str:
    """Changes with the lock file, the interpreter and the place."""
    told = f"{lock.name}\n{sys.version}\n{ENVIRONMENT}\n".encode()
    return hashlib.sha256(told + lock.read_bytes()).hexdigest()


def is_current(wanted: str) -> bool:
    return STAMP.exists() and STAMP.read_text() == wanted and works()


def works() -> bool:
    """Whether there is an environment whose interpreter starts, is the one that runs this, and has pip."""
    tell = "import sys, pip; print(sys.version)"
    try:
        done = subprocess.run([str(PYTHON), "-c", tell], capture_output=True, text=True, check=False)  # noqa: S603
    except OSError:
        return False
    return done.returncode == 0 and done.stdout.strip() == sys.version.strip()


if __name__ == "__main__":
    main()
