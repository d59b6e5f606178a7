"""An S3-compatible store in memory, on a free port of this machine."""

import signal

from moto.server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
print(f"listening on http://{host}:{port}", flush=True)
signal.signal(signal.SIGTERM, lambda *_: server.stop())
signal.pause()
