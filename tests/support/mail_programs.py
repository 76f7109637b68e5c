"""What people read and write mail with, driven as they would: neomutt on a terminal, with GPGME or with openssl behind it; and an MTA that keeps what it takes."""
import fcntl
import os
import pty
import select
import shlex
import socketserver
import struct
import subprocess
import termios
import threading
import time

SECONDS = 60


class Mta(socketserver.ThreadingTCPServer):
    """Takes all mail (RFC 5321) and sends none on: taken is [(sender, [recipients], bytes)]."""
    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.taken = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.server_address[1]}"


class Session(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text.encode() + b"\r\n")

    def data(self):
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)
        return b"".join(lines)

    def handle(self):
        sender, recipients = "", []
        self.say("220 mta.example")
        while line := self.rfile.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            address = rest.partition("<")[2].partition(">")[0]
            if verb.upper() == "MAIL":
                sender, recipients = address, []
            elif verb.upper() == "RCPT":
                recipients.append(address)
            elif verb.upper() == "DATA":
                self.say("354 go on")
                self.server.taken.append((sender, recipients, self.data()))
            self.say("221 bye" if verb.upper() == "QUIT" else "250 taken")


def on_terminal(command, answers, env):
    """Runs it on a terminal of its own. answers: [(what it shows, what is typed then)], in that order. All that it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(command[0], command, {**os.environ, **env, "TERM": "xterm", "LC_ALL": "C.UTF-8"})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 160, 0, 0))
    shown, waiting, deadline = b"", list(answers), time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # its end, on Linux
                break
            while waiting and waiting[0][0] in shown:
                os.write(terminal, waiting.pop(0)[1])
    else:
        os.kill(pid, 9)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(terminal)
    if status or waiting:
        raise RuntimeError(f"{shlex.join(command)}: exit {status}, not asked for {waiting}: {shown[-2000:].decode(errors='replace')}")
    return shown


class Gpgsm:
    """S/MIME in a GnuPG home: the CA is trusted, keys come from files of openssl."""

    def __init__(self, home, ca):
        self.home, self.env = home, {**os.environ, "GNUPGHOME": home}
        with open(os.path.join(home, "gpgsm.conf"), "w") as file:
            file.write("disable-crl-checks\ndisable-dirmngr\n")
        with open(os.path.join(home, "trustlist.txt"), "w") as file:
            file.write(f"{self.fingerprint(ca)} S relax\n")
        self.take(ca)

    @staticmethod
    def fingerprint(certificate):
        """SHA-1, by which gpgsm and neomutt name it."""
        shown = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha1"], check=True, capture_output=True, text=True).stdout
        return shown.partition("=")[2].strip().replace(":", "")

    def run(self, *words, data=b""):
        subprocess.run(["gpgsm", "--batch", "--quiet", *words], input=data, check=True, capture_output=True, env=self.env)

    def take(self, certificate):
        self.run("--import", certificate)

    def take_key(self, certificate, key):
        # 3DES and SHA-1: all that gpgsm 2.2 reads of PKCS #12.
        made = subprocess.run(["openssl", "pkcs12", "-export", "-in", certificate, "-inkey", key, "-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1",
                               "-passout", "pass:"], check=True, capture_output=True).stdout
        path = os.path.join(self.home, "import.p12")
        with open(path, "wb") as file:
            file.write(made)
        self.run("--pinentry-mode", "loopback", "--passphrase-fd", "0", "--import", path)
        os.unlink(path)


# As Debian's /etc/neomuttrc.d/smime.rc has them.
OPENSSL = """
set crypt_use_gpgme=no
set smime_pk7out_command="openssl smime -verify -in %f -noverify -pk7out"
set smime_get_cert_command="openssl pkcs7 -print_certs -in %f"
set smime_get_signer_cert_command="openssl smime -verify -in %f -noverify -signer %c -out /dev/null"
set smime_get_cert_email_command="openssl x509 -in %f -noout -email"
set smime_encrypt_with="aes256"
set smime_encrypt_command="openssl cms -encrypt -%a -outform DER -in %f %c"
set smime_sign_digest_alg="sha256"
set smime_sign_command="openssl smime -sign -md %d -signer %c -inkey %k -passin stdin -in %f -outform DER"
set smime_decrypt_command="openssl cms -decrypt -passin stdin -inform DER -in %f -inkey %k -recip %c"
set smime_verify_command="openssl smime -verify -inform DER -in %s %C -content %f"
set smime_verify_opaque_command="openssl smime -verify -inform DER -in %s %C"
"""

SETTINGS = """
set crypt_use_gpgme=yes crypt_verify_sig=yes crypt_protected_headers_read=yes crypt_protected_headers_write=yes crypt_confirm_hook=no
set charset=utf-8 send_charset=utf-8 mbox_type=mbox folder={folder} header_cache="" tmpdir={folder}
set wait_key=no confirm_append=no delete=no quit=yes sleep_time=0 copy=no use_from=yes
set editor=true abort_unmodified=no autoedit=yes edit_headers=yes
set display_filter="tee {folder}/shown" sendmail="{folder}/keep"
unignore *
unhdr_order *
"""


class Neomutt:
    """One person's: gnupg is his GnuPG home; openssl: {address: certificate file}, then S/MIME is done by openssl and not by gpgsm."""

    def __init__(self, folder, gnupg, address, more="", openssl=None, key=None, ca=None):
        os.makedirs(folder)
        self.folder, self.env = folder, {"GNUPGHOME": gnupg, "HOME": folder}
        self.asks = [(b"Enter S/MIME passphrase:", b"\n")] if openssl else []
        lines = SETTINGS.format(folder=folder) + f"set from={address}\n" + more
        if openssl:
            lines += OPENSSL + self._certificates(openssl, address, key, ca)
        with open(self.path("rc"), "w") as file:
            file.write(lines)
        with open(self.path("keep"), "w") as file:
            file.write(f"#!/bin/sh\nexec cat >{shlex.quote(self.path('sent'))}\n")
        os.chmod(self.path("keep"), 0o755)

    def path(self, name):
        return os.path.join(self.folder, name)

    def _certificates(self, certificates, own, key, ca):
        """The folders that its smime_keys would make: a file a certificate, named by its hash, and an index."""
        index = ""
        for folder in ("certificates", "keys"):
            os.makedirs(self.path(folder))
        for address, certificate in certificates.items():
            made = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-hash"], check=True, capture_output=True, text=True).stdout.strip()
            index += f"{address} {made}.0 {address} ? t e\n"
            for source, folder in ((certificate, "certificates"), (key, "keys")):
                if folder == "certificates" or address == own:
                    with open(source) as file, open(self.path(f"{folder}/{made}.0"), "w") as copy:
                        copy.write(file.read())
            if address == own:
                default = f"{made}.0"
        for folder in ("certificates", "keys"):
            with open(self.path(f"{folder}/.index"), "w") as file:
                file.write(index)
        return (f"set smime_is_default=yes smime_ca_location={ca} smime_certificates={self.path('certificates')} smime_keys={self.path('keys')} "
                f"smime_default_key={default}\n")

    def _run(self, words, answers):
        return on_terminal(["neomutt", "-n", "-F", self.path("rc"), *words], answers, self.env)

    def _mailbox(self, message):
        with open(self.path("mbox"), "wb") as file:
            file.write(b"From MTA Thu Jan  1 00:00:00 2026\n" + message.replace(b"\r\n", b"\n").replace(b"\nFrom ", b"\n>From ") + b"\n")
        return self.path("mbox")

    def read(self, message, is_encrypted):
        """What it shows of a message: header, what it says of signatures, text."""
        self._run(["-R", "-f", self._mailbox(message), "-e", 'push "<display-message><exit><quit>"'], self.asks if is_encrypted else [])
        with open(self.path("shown"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def attachment(self, message, name, is_encrypted):
        """One of its files, as "save" writes it."""
        saved = self.path("saved")
        if os.path.exists(saved):
            os.unlink(saved)
        keys = f"<view-attachments><search>{name}<enter><save-entry><kill-line>{saved}<enter><exit><quit>"
        self._run(["-R", "-f", self._mailbox(message), "-e", f'push "{keys}"'], self.asks if is_encrypted else [])
        with open(saved, "rb") as file:
            return file.read()

    def write(self, to, subject, text, file, encrypts, *settings):
        """A signed message as it would hand it to sendmail, CRLF."""
        with open(self.path("text"), "w", encoding="utf-8") as body:
            body.write(text)
        words = [word for setting in ("set crypt_autosign=yes", f"set crypt_autoencrypt={'yes' if encrypts else 'no'}", *settings) for word in ("-e", setting)]
        words += ["-s", subject, "-i", self.path("text"), *(("-a", file) if file else ()), "--", to]
        self._run(words, [(b"NeoMutt: Compose", b"y"), *self.asks])
        with open(self.path("sent"), "rb") as sent:
            return sent.read().replace(b"\n", b"\r\n")
