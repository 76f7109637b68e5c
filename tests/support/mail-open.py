#!/usr/bin/env python3
"""A second opinion on what arrives: unwraps PGP/MIME (RFC 3156) with gpg and S/MIME with openssl, and prints a JSON object:
{outer: {field: value}, layers: ["encrypted", "signed by FPR"], inner: {field: value}, text}. usage: mail-open.py GNUPGHOME FILE [CERT KEY CA]"""
import email
import email.policy
import json
import subprocess
import sys
import tempfile

home, path, *smime = sys.argv[1:]
raw = open(path, "rb").read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
layers = []


def gpg(*args, data):
    done = subprocess.run(["gpg", "--homedir", home, "--batch", "--quiet", "--status-fd", "2", *args], input=data, capture_output=True, check=False)
    words = [line.split() for line in done.stderr.decode(errors="replace").splitlines() if line.startswith("[GNUPG:]")]
    return done.stdout, {w[1]: w[2:] for w in words}


def openssl(*args, data):
    done = subprocess.run(["openssl", "cms", *args], input=data, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return done.stdout


def fields(message):
    return {name: " ".join(str(value).split()) for name, value in message.items()}


def signed(status):
    return "signed by " + status["VALIDSIG"][-1] if "VALIDSIG" in status and "GOODSIG" in status else "BAD"


def unwrap(data):
    message = email.message_from_bytes(data, policy=email.policy.default)
    kind = message.get_content_type()
    protocol = message.get_param("protocol")
    if kind == "multipart/encrypted":
        clear, status = gpg("--decrypt", data=list(message.iter_parts())[1].get_payload(decode=True))
        layers.append("encrypted" if "DECRYPTION_OKAY" in status and "GOODMDC" in status else "NOT OPENED")
        if "VALIDSIG" in status:
            layers.append(signed(status))
        return unwrap(clear)
    if kind == "application/pkcs7-mime":
        layers.append("encrypted")
        return unwrap(openssl("-decrypt", "-inform", "DER", "-recip", smime[0], "-inkey", smime[1], data=message.get_payload(decode=True)))
    if kind == "multipart/signed" and protocol == "application/pgp-signature":
        mark = b"\r\n--" + message.get_boundary().encode()
        part = data.split(mark)[1][2:]
        with tempfile.NamedTemporaryFile() as file:
            file.write(list(message.iter_parts())[1].get_payload(decode=True))
            file.flush()
            layers.append(signed(gpg("--verify", file.name, "-", data=part)[1]))
        return unwrap(part)
    if kind == "multipart/signed":
        head = data.index(b"Content-Type: multipart/signed")
        openssl("-verify", "-inform", "SMIME", "-CAfile", smime[2], data=data[head:])
        layers.append("signed by S/MIME")
        return unwrap(data.split(b"\r\n--" + message.get_boundary().encode())[1][2:])
    return message


outer = email.message_from_bytes(raw, policy=email.policy.default)
inner = unwrap(raw)
body = inner.get_body(("plain",)) if inner.is_multipart() else inner
files = {a.get_filename(): a.get_payload(decode=True).decode(errors="replace") for a in inner.iter_attachments()} if inner.is_multipart() else {}
print(json.dumps({"outer": fields(outer), "layers": layers, "inner": fields(inner), "text": body.get_payload(decode=True).decode("utf-8"), "files": files}))
