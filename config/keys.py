"""Secrets that a local installation makes for itself, so that none is ever in the repository."""

import os
import secrets
from pathlib import Path


def generated_key(folder: Path, name: str) -> str:
    """The key kept in `folder/name`, made on first use; two processes that start at once get the same one."""
    path = folder / name.lower()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = folder / f".{name.lower()}.{os.getpid()}.{secrets.token_hex(4)}"
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_urlsafe(64))
        try:
            os.link(draft, path)  # fails if another process was first, and then its key counts
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()
