#!/usr/bin/env python3
"""value.py: evaluates expressions over JSON for value() of sandbox.sh, one after the other. A Python of its own for each would cost more than
all that a test asks of cirt. Prints its port on loopback; a connection sends EXPRESSION NUL DOCUMENT NUL and gets 0 or 1, the text, NUL."""
import json
import socket


def evaluate(expression, document):
    try:
        value = eval(expression.strip(), {"json": json, "d": json.loads(document)})
        return "0" + (value if isinstance(value, str) else json.dumps(value))
    except Exception as problem:  # the test tells of it
        return f"1{type(problem).__name__}: {problem}: {expression} of {document[:300]}"


def main():
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            with connection:
                received = b""
                while received.count(b"\0") < 2 and (more := connection.recv(65536)):
                    received += more
                expression, document, _ = received.split(b"\0", 2)
                answer = evaluate(expression.decode(errors="replace"), document.decode(errors="replace"))
                connection.sendall(answer.replace("\0", "").encode(errors="replace") + b"\0")


main()
