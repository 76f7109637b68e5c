"""Mails protected in every way that people's programs do it, made by gpg and openssl, never by our own code.

An Entity is a MIME entity as bytes with CRLF line ends; head() in front of it makes it a mail.
"""
import base64
import os
import shutil
import subprocess
import tempfile
import zlib

TEXT = b"Content-Type: text/plain; charset=utf-8\r\n\r\nThe host 198.51.100.44 sends spam.\r\n"


def head(sender, name, to="incident@xx-cert.example", more=""):
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {name}\r\nMessage-ID: <{name}>\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
            f"{more}MIME-Version: 1.0\r\n").encode()


def crlf(data):
    return data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def multipart(kind, parts, boundary, parameters=""):
    inner = b"".join(b"--" + boundary.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{boundary}"{parameters}\r\n\r\n'.encode() + inner + f"--{boundary}--\r\n".encode()


def attached(name, data, media_type="application/octet-stream"):
    return (f'Content-Type: {media_type}; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
            "Content-Transfer-Encoding: base64\r\n\r\n").encode() + crlf(base64.encodebytes(data))


def protected(sender, subject, to="incident@xx-cert.example", hp="clear", text=b"The host 198.51.100.44 sends spam.\r\n"):
    """A payload with header fields of its own (RFC 9788)."""
    return (f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
            f'Content-Type: text/plain; charset=utf-8; hp="{hp}"\r\n\r\n').encode() + text


class Gpg:
    """A GnuPG home with keys of people: keys["alice"] is a fingerprint."""

    def __init__(self):
        self.home = tempfile.mkdtemp(prefix="cirt-gpg-", dir="/tmp")
        self.keys = {}

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "gpg-agent"], check=False)
        shutil.rmtree(self.home, ignore_errors=True)  # the agent takes its sockets away meanwhile

    def run(self, data, *options):
        command = ["gpg", "--homedir", self.home, "--batch", "--quiet", "--no-tty", "--passphrase", "", "--pinentry-mode", "loopback",
                   "--trust-model", "always", *options]
        done = subprocess.run(command, input=data, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(options)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def make(self, name, address, algorithm="ed25519", encrypts="cv25519"):
        # Made some years ago, so that signatures of any time since are possible.
        made = ["--faked-system-time", "20240101T000000!"]
        self.run(None, *made, "--allow-freeform-uid", "--quick-gen-key", f"{name} <{address}>", algorithm, "sign", "never")
        listed = self.run(None, "--with-colons", "--list-secret-keys", f"={name} <{address}>").decode()
        self.keys[name] = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        if encrypts:
            self.run(None, *made, "--quick-add-key", self.keys[name], encrypts, "encr", "never")

    def export(self, name):
        return self.run(None, "--armor", "--export", self.keys[name])

    def take(self, path):
        """A key of somebody else, to encrypt to; its fingerprint."""
        with open(path, "rb") as file:
            data = file.read()
        self.run(data, "--import")
        shown = self.run(data, "--show-keys", "--with-colons").decode()
        return next(line.split(":")[9] for line in shown.splitlines() if line.startswith("fpr:"))

    def proof(self, name, data, *options):
        return self.run(data, "--local-user", self.keys[name] + "!", "--digest-algo", "SHA256", "--detach-sign", *options)

    # --- entities ---

    def signed(self, name, part=TEXT, boundary="s1", *options):
        """multipart/signed (RFC 3156)."""
        proof = crlf(self.proof(name, part, "--armor", *options))
        return multipart("signed", [part, b"Content-Type: application/pgp-signature; name=\"signature.asc\"\r\n\r\n" + proof], boundary,
                         '; micalg=pgp-sha256; protocol="application/pgp-signature"')

    def cipher(self, recipient, data, signer=None, *options):
        words = ["--local-user", self.keys[signer] + "!", "--sign"] if signer else []
        return crlf(self.run(data, "--armor", *words, *options, "--recipient", recipient, "--encrypt"))

    def sealed(self, recipient, part=TEXT, signer=None, boundary="e1", *options):
        """multipart/encrypted; with a signer signed and encrypted in one OpenPGP message."""
        parts = [b"Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n",
                 b"Content-Type: application/octet-stream; name=\"encrypted.asc\"\r\n\r\n" + self.cipher(recipient, part, signer, *options)]
        return multipart("encrypted", parts, boundary, '; protocol="application/pgp-encrypted"')

    def clear_signed(self, name, text=b"The host 198.51.100.44 sends spam.\n- dash\n"):
        block = crlf(self.run(text, "--local-user", self.keys[name] + "!", "--digest-algo", "SHA256", "--clear-sign"))
        return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + block

    def inline(self, data):
        return b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + data


class Smime:
    """Certificates of people by certs/ca, and CMS by openssl: cert["alice"] is a path."""

    def __init__(self, ca_program, ca_folder, folder):
        self.ca_program, self.ca, self.folder = ca_program, ca_folder, folder
        os.makedirs(folder, exist_ok=True)

    def issue(self, name, address, *options):
        subprocess.run([self.ca_program, "issue", self.ca, "mail", name, "--san", address, "--out", self.folder, *options], check=True)

    def path(self, name, end="crt"):
        return os.path.join(self.folder, f"{name}.{end}")

    def pem(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def fingerprint(self, name):
        der = subprocess.run(["openssl", "x509", "-in", self.path(name), "-outform", "DER", "-fingerprint", "-sha256", "-noout"], check=True,
                             capture_output=True, text=True).stdout
        return der.partition("=")[2].strip().replace(":", "")

    @staticmethod
    def run(data, *words):
        done = subprocess.run(["openssl", "cms", *words], input=data, capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl cms {' '.join(words)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def der(self, name, data, *options):
        return self.run(data, "-sign", "-binary", "-md", "sha256", "-signer", self.path(name), "-inkey", self.path(name, "key"), "-outform", "DER",
                        *options)

    # --- entities ---

    def signed(self, name, part=TEXT, boundary="s1", *options):
        """multipart/signed (RFC 8551)."""
        proof = attached("smime.p7s", self.der(name, part, *options), "application/pkcs7-signature")
        return multipart("signed", [part, proof], boundary, '; micalg=sha-256; protocol="application/pkcs7-signature"')

    @staticmethod
    def mime(data, kind, media_type="application/pkcs7-mime", name="smime.p7m"):
        parameter = f"; smime-type={kind}" if kind else ""
        return (f'Content-Type: {media_type}{parameter}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n'
                f'Content-Disposition: attachment; filename="{name}"\r\n\r\n').encode() + crlf(base64.encodebytes(data))

    def opaque(self, name, part=TEXT, kind="signed-data", **options):
        return self.mime(self.der(name, part, "-nodetach"), kind, **options)

    def envelope(self, certificates, part=TEXT, cipher="-aes-256-cbc"):
        return self.run(part, "-encrypt", "-binary", cipher, "-outform", "DER", *certificates)

    def sealed(self, certificate, part=TEXT, kind="enveloped-data", cipher="-aes-256-cbc", **options):
        return self.mime(self.envelope([certificate], part, cipher), kind, **options)

    def compressed(self, part=TEXT):
        """CompressedData (RFC 3274), which Debian's openssl cannot make."""
        def tlv(tag, *items):
            body = b"".join(items)
            size = len(body)
            length = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes((size.bit_length() + 7) // 8, "big")
            return bytes([tag]) + length + body
        oid = lambda hex_: tlv(6, bytes.fromhex(hex_))  # noqa: E731
        data = tlv(0x30, oid("2a864886f70d010701"), tlv(0xa0, tlv(4, zlib.compress(part))))
        inner = tlv(0x30, tlv(2, b"\0"), tlv(0x30, oid("2a864886f70d0109100308")), data)
        return self.mime(tlv(0x30, oid("2a864886f70d0109100109"), tlv(0xa0, inner)), "compressed-data", name="smime.p7z")
