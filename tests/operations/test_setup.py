"""`make setup`: the environment from the hash-locked requirements."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project that needs nothing, with its environment made where a broken one was."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "python").symlink_to(folder / "removed")
    (folder / ".venv" / "left-over").touch()
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "requirements" / "install.py", folder / "requirements")
    (folder / "requirements" / "dev.txt").write_text("# nothing\n")
    (folder / "said").write_text(install(folder).stderr)
    return folder


def install(project, *options):
    command = [sys.executable, *options, "requirements/install.py"]
    return subprocess.run(command, cwd=project, check=True, capture_output=True, text=True)


def canonical(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_file_names_no_index_and_hashes_everything(lock):
    text = lock.read_text()

    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
    for requirement in re.findall(r"^\w.*", text.replace("\\\n", " "), re.MULTILINE):
        assert "--hash=sha256:" in requirement


def test_everything_the_project_asks_for_is_locked():
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text())
    locked = set(re.findall(r"^([\w.-]+)(?:\[.*?\])?==", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE))

    extras = [each for group in asked["project"]["optional-dependencies"].values() for each in group]
    wanted = [*asked["project"]["dependencies"], *extras, *asked["dependency-groups"]["dev"]]
    names = {canonical(re.match(r"[\w.-]+", each)[0]) for each in wanted}

    assert names <= {canonical(name) for name in locked}


def test_an_environment_that_is_current_is_left_alone(project):
    made = (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns

    again = install(project)

    assert (again.stdout, again.stderr) == ("", "")
    assert (project / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == made


def test_a_changed_lock_file_is_installed_again(project):
    lock = project / "requirements" / "dev.txt"
    lock.write_text(f"{lock.read_text()}# and nothing more\n")

    assert "Installing requirements/dev.txt" in install(project).stderr
    assert install(project).stderr == ""


def test_a_broken_environment_is_made_anew(project):
    assert "Making the environment" in (project / "said").read_text()
    assert (project / ".venv" / "bin" / "python").exists()
    assert not (project / ".venv" / "left-over").exists()


def started_with(statement):
    """What `install.py` says to a Python that is not as it should be."""
    source = f"{statement}; import runpy; runpy.run_path('requirements/install.py', run_name='__main__')"
    return subprocess.run([sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=False)


def test_without_the_venv_module_it_says_what_to_install():
    done = started_with("import importlib.util as u; u.find_spec = lambda name: None")

    assert done.returncode == 1
    assert "sudo apt-get install python3-venv" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_old_python_is_refused_with_the_way_out():
    done = started_with("import sys; sys.version_info = (3, 10, 2)")

    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "make setup PYTHON=" in done.stderr
