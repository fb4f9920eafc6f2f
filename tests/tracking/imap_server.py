"""A small IMAP server (RFC 3501, with UIDPLUS and MOVE) for one user, on a socket of its own."""

import re
import socketserver
import threading
from contextlib import contextmanager


class Store:
    """The folders of one user: mails by UID, and which of them are marked as deleted."""

    def __init__(self, *mails, capabilities="UIDPLUS MOVE"):
        self.folders = {"INBOX": dict(enumerate(mails, 1)), "Done": {}}
        self.deleted = set()
        self.capabilities = capabilities
        self.password = "secret"
        self.seen = []  # commands, as they came
        self.break_off_at = ""  # the connection breaks when this command comes

    @property
    def inbox(self):
        return list(self.folders["INBOX"].values())

    @property
    def done(self):
        return list(self.folders["Done"].values())

    def move(self, uids, folder):
        for uid in uids:
            self.folders[folder][uid] = self.folders["INBOX"].pop(uid)

    def expunge(self, uids=None):
        for uid in self.deleted & set(uids if uids is not None else self.deleted):
            self.folders["INBOX"].pop(uid, None)


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.say(f"* OK [CAPABILITY IMAP4rev1 {self.server.store.capabilities}] ready")
        while line := self.rfile.readline():
            tag, _, rest = line.decode().strip().partition(" ")
            self.server.store.seen.append(rest)
            if self.server.store.break_off_at and rest.startswith(self.server.store.break_off_at):
                return
            name, _, arguments = rest.removeprefix("UID ").partition(" ")
            answer = getattr(self, name.lower())(arguments)
            self.say(f"{tag} {answer or 'OK done'}")
            if name == "LOGOUT":
                return

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def capability(self, _):
        self.say(f"* CAPABILITY IMAP4rev1 {self.server.store.capabilities}")

    def login(self, arguments):
        return None if arguments == f'bounces "{self.server.store.password}"' else "NO wrong password"

    def select(self, arguments):
        folder = arguments.strip('"')
        if folder not in self.server.store.folders:
            return "NO there is no such folder"
        self.say(f"* {len(self.server.store.folders[folder])} EXISTS")
        return "OK [READ-WRITE] done"

    def search(self, _):
        uids = [uid for uid in self.server.store.folders["INBOX"] if uid not in self.server.store.deleted]
        self.say("* SEARCH " + " ".join(map(str, uids)))

    def fetch(self, arguments):
        uid, start, length = map(int, re.fullmatch(r"(\d+) \(BODY\.PEEK\[\]<(\d+)\.(\d+)>\)", arguments).groups())
        mail = self.server.store.folders["INBOX"][uid][start : start + length]
        self.wfile.write(f"* 1 FETCH (UID {uid} BODY[]<{start}> {{{len(mail)}}}\r\n".encode() + mail + b")\r\n")

    def store(self, arguments):
        uids, _, flags = arguments.partition(" ")
        assert flags == r"+FLAGS.SILENT (\Deleted)"
        self.server.store.deleted |= set(numbers(uids))

    def copy(self, arguments):
        uids, folder = arguments.split(" ")
        for uid in numbers(uids):
            self.server.store.folders[folder.strip('"')][uid] = self.server.store.folders["INBOX"][uid]

    def move(self, arguments):
        uids, folder = arguments.split(" ")
        self.server.store.move(numbers(uids), folder.strip('"'))

    def expunge(self, arguments):
        self.server.store.expunge(numbers(arguments) if arguments else None)

    def logout(self, _):
        self.say("* BYE")


def numbers(uids):
    return [int(uid) for uid in uids.split(",")]


@contextmanager
def imap_server(store, *, tls=None):
    """The server at work; gives its port."""

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self):
            connection, address = super().get_request()
            return (tls.wrap_socket(connection, server_side=True) if tls else connection), address

        def handle_error(self, request, client_address):
            """A client that hangs up is no news."""

    with Server(("127.0.0.1", 0), Session) as server:
        server.store = store
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
