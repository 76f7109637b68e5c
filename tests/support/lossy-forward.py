#!/usr/bin/env python3
"""usage: lossy-forward.py PORT MARK   Passes connections on to 127.0.0.1:PORT; prints its own port. On the first connection that carried more than
8000 bytes there, what comes back is thrown away and the connection closed: the document arrived, its answer did not. The file MARK then exists."""
import pathlib
import select
import socket
import sys
import threading

target, mark = int(sys.argv[1]), pathlib.Path(sys.argv[2])


def carry(client):
    server = socket.create_connection(("127.0.0.1", target))
    sent = 0
    while True:
        for end in select.select([client, server], [], [])[0]:
            data = end.recv(65536)
            if end is server and sent > 8000 and data and not mark.exists():
                mark.touch()
                data = b""
            if not data:
                client.close()
                server.close()
                return
            if end is client:
                sent += len(data)
            (server if end is client else client).sendall(data)


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=carry, args=(listener.accept()[0],), daemon=True).start()
