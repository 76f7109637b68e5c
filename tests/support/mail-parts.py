#!/usr/bin/env python3
"""Says what Python's mail parser makes of a message on stdin: fields as text, then each leaf with its type, name and content. A second
opinion on what libcirt/codec/mail_write.c writes."""
import email
import email.policy
import sys

raw = sys.stdin.buffer.read()
bad = []
if any(byte >= 0x80 or byte == 0 for byte in raw):
    bad.append("not 7 bits")
if raw.replace(b"\r\n", b"").count(b"\n") or raw.replace(b"\r\n", b"").count(b"\r"):
    bad.append("line ends that are not CRLF")
if any(len(line) > 998 for line in raw.split(b"\r\n")):
    bad.append("a line over 998")
if any(line.endswith((b" ", b"\t")) or line.startswith(b"From ") for line in raw.split(b"\r\n")):
    bad.append("a line that transports change")


def show(message, depth):
    for name, value in message.items():
        if name.lower() not in ("content-transfer-encoding", "content-disposition", "mime-version"):
            print("%s%s: %s" % ("  " * depth, name, " ".join(str(value).split())))
    bad.extend("%s: %s" % (message.get_content_type(), defect) for defect in message.defects)
    for name, value in message.items():
        bad.extend("%s: %s" % (name, defect) for defect in getattr(value, "defects", ()))
    if message.is_multipart():
        for part in message.iter_parts():
            show(part, depth + 1)
        return
    content = message.get_payload(decode=True)
    if message.get_filename():
        print("%sname %s, %d bytes" % ("  " * depth, message.get_filename(), len(content)))
    if message.get_content_maintype() == "text" and not message.get_filename():
        for line in content.decode(message.get_content_charset()).splitlines():
            print("%s| %s" % ("  " * depth, line))


show(email.message_from_bytes(raw, policy=email.policy.default), 0)
for line in bad:
    print("BAD " + line)
