#!/usr/bin/env python3
"""value.py FOLDER: evaluates expressions over JSON for value() of sandbox.sh, one after the other. A Python of its own for each would cost
more than all that a test asks of cirt. Reads EXPRESSION NUL DOCUMENT NUL from the FIFO "in", answers 0 or 1, the text, NUL into "out"."""
import json
import os
import sys


def evaluate(expression, document):
    try:
        value = eval(expression.strip(), {"json": json, "d": json.loads(document)})
        return "0" + (value if isinstance(value, str) else json.dumps(value))
    except Exception as problem:  # the test tells of it
        return f"1{type(problem).__name__}: {problem}: {expression} of {document[:300]}"


def main():
    # Open for both, so that neither ends while nobody is at the other side.
    requests, answers = (os.open(os.path.join(sys.argv[1], name), os.O_RDWR) for name in ("in", "out"))
    pending = b""
    while True:
        while pending.count(b"\0") < 2:
            pending += os.read(requests, 65536)
        expression, document, pending = pending.split(b"\0", 2)
        answer = evaluate(expression.decode(errors="replace"), document.decode(errors="replace")).replace("\0", "").encode(errors="replace") + b"\0"
        while answer:
            answer = answer[os.write(answers, answer):]


main()
