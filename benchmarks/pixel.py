"""How many opens a second are answered and kept; the bar is half of what the same server does with nothing to do.

    python benchmarks/pixel.py [--seconds 6]

Needs `wrk`. Starts granian with one worker, first on a bare ASGI handler that answers 43 bytes, then on the web
application, and asks both for the same signed pixel. What was answered has to be in the spool. The last line is JSON.
"""

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(tempfile.mkdtemp(prefix="benchmark-"))
sys.path.insert(0, str(ROOT))
os.environ["VAR_DIR"] = str(FOLDER)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings

from content.tokens import Purpose, recipient_token
from tracking import spool

BAR = 0.5
BARE = """
HEADERS = [(b"content-type", b"image/gif"), (b"content-length", b"43")]
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        await send({"type": "http.response.body", "body": b"x" * 43})
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=6)
    seconds = parser.parse_args().seconds
    if not shutil.which("wrk"):
        sys.exit("This benchmark needs wrk (on Debian: apt install wrk).")
    (FOLDER / "bare.py").write_text(BARE)
    threads = ["--blocking-threads", str(settings.WEB_THREADS)]
    try:
        bare, _ = measure(["--interface", "asgi", "bare:app"], FOLDER, seconds)
        ours, answered = measure(["--interface", "wsgi", *threads, "config.wsgi:application"], ROOT, seconds)
        kept = sum(1 for path in spool.files(settings.SPOOL_DIR) for _ in spool.read(path))
    finally:
        shutil.rmtree(FOLDER)
    assert kept >= answered, f"{answered} answered, {kept} kept"
    print(json.dumps({"bare_per_second": bare, "opens_per_second": ours, "answered": answered, "kept": kept,
                      "bar": BAR, "ratio": round(ours / bare, 2)}))  # fmt: skip


def measure(application: list[str], folder: Path, seconds: int) -> tuple[int, int]:
    """(requests a second, requests answered)."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--port", str(port), "--no-ws", "--log-level", "error", *application]
    server = subprocess.Popen(command, cwd=folder, start_new_session=True)
    try:
        while not is_listening(port):
            time.sleep(0.1)
        time.sleep(2)
        token = recipient_token(Purpose.OPEN, run_id=7, recipient_id=123_456, subscriber_id=654_321)
        url = f"http://127.0.0.1:{port}/o/{token}.gif"
        load = ["wrk", "-t1", "-c64", f"-d{seconds}s", "-H", "User-Agent: Mozilla/5.0 (benchmark)", url]
        report = subprocess.run(load, capture_output=True, text=True, check=True).stdout
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()
    assert "Non-2xx" not in report, report
    return round(number(r"Requests/sec:\s+([\d.]+)", report)), round(number(r"(\d+) requests in", report))


def number(pattern: str, report: str) -> float:
    found = re.search(pattern, report)
    assert found, report
    return float(found[1])


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main()
