"""Stands before the server and plants one defect, in one place, into what passes: the checks have to find it.

What this shows: that the checks see such a defect in this API's answers, among everything else that they ask for. It does not
show that they would find it wherever and however the code could come to have it.
"""

from __future__ import annotations

import http.client
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# Belong to one connection and not to the request.
HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "proxy-connection", "content-length"}
UPLOAD = re.compile(r"/v1/uploads/[^/?]+")


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """Clients hang up as they like."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Proxy:
    """A server's double with an address of its own. Without a defect it changes nothing."""

    def __init__(self, server: str, defect: str, tokens: list[str]):
        upstream = urlsplit(server).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def __getattr__(self, name):
                # Whatever the method is: it is the server's to refuse.
                if name.startswith("do_"):
                    return self.relay
                raise AttributeError(name)

            def relay(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP}
                if defect == "mass-assignment" and self.command == "POST" and self.path == "/v1/uploads":
                    body = only(body, {"sha256", "bytes"})
                status, answer, data = send(self.command, self.path, headers, body)
                if defect == "foreign-object" and self.command == "GET" and UPLOAD.fullmatch(self.path) and status == 404:
                    status, answer, data = self.of_anybody(headers) or (status, answer, data)
                if (
                    (defect == "server-error" and status == 201 and self.path == "/v1/uploads" and large(body))
                    or (defect == "server-error-in-list" and status == 200 and self.command == "GET" and long(self.path))
                ):
                    status = 500
                    value = {"type": "https://atoll.dev/problems/internal", "title": "The server failed", "status": 500, "detail": "."}
                    data = json.dumps({**value, "request_id": answer.get("x-request-id")}).encode()
                    answer = {**answer, "content-type": "application/problem+json"}
                if defect == "undocumented-field" and status == 201 and self.path == "/v1/uploads":
                    data = json.dumps({**json.loads(data), "internal_note": "not for everybody"}).encode()
                self.answer(status, answer, data)

            def of_anybody(self, headers):
                """As if the owner was never asked for: whoever is signed in gets what anybody has."""
                if (headers.get("Authorization") or "").removeprefix("Bearer ") not in tokens:
                    return None
                found = (send("GET", self.path, {**headers, "Authorization": f"Bearer {token}"}, b"") for token in tokens)
                return next((one for one in found if one[0] == 200), None)

            def answer(self, status, headers, data):
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in HOP:
                        self.send_header(name, value)
                if self.command == "HEAD":
                    if "content-length" in headers:
                        self.send_header("content-length", headers["content-length"])
                elif status not in (204, 304):
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        def send(method, path, headers, body):
            connection = http.client.HTTPConnection(upstream, timeout=60)
            try:
                connection.request(method, path, body=body or None, headers=headers)
                answer = connection.getresponse()
                return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
            finally:
                connection.close()

        self.http = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


def large(body: bytes) -> bool:
    """An upload of more than a mebibyte: a size at which something breaks."""
    return json.loads(body)["bytes"] > 1 << 20


def long(path: str) -> bool:
    """A list of assets in pages of more than the usual size, which no example asks for."""
    target = urlsplit(path)
    limits = parse_qs(target.query).get("limit", ["0"])
    return target.path == "/v1/assets" and float(limits[0]) > 20


def only(body: bytes, known: set) -> bytes:
    """The body without members that nobody asked for: they are taken without a word, as by a server that does not look."""
    try:
        value = json.loads(body)
    except ValueError:
        return body
    if not isinstance(value, dict):
        return body
    return json.dumps({name: item for name, item in value.items() if name in known}).encode()
