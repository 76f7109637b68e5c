"""A server of feeds for the flow tests: one document over HTTPS with ETag, gzip, ranges and redirects, and a TAXII 2.1 collection that pages by `next`
or by date. Each fault is asked for by name and happens once; every request is kept."""
import gzip
import http.server
import json
import ssl
import threading
import time
import urllib.parse

TAXII = "application/taxii+json;version=2.1"


def moment(text):
    """A date as what can be compared, whatever its fraction."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return whole, fraction.ljust(6, "0")


class Feed:
    """What is served, and what was asked."""

    def __init__(self):
        self.lock = threading.Lock()
        self.document, self.etag, self.packed = b"", '"1"', False
        self.objects, self.by_next, self.page = [], True, 2
        self.undated = False  # without X-TAXII-Date-Added-Last
        self.pages = None  # instead of objects: what a collection answers to the query of its n-th request, as (envelope, X-TAXII-Date-Added-Last or None)
        self.faults, self.requests = [], []
        self.wants = {}  # headers without which 401 is answered

    def fault(self, name):
        with self.lock:
            if name in self.faults:
                self.faults.remove(name)
                return True
        return False


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        feed = self.server.feed
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        with feed.lock:
            feed.requests.append({"path": url.path, "query": query, "headers": dict(self.headers)})
        if any(self.headers.get(name) != value for name, value in feed.wants.items()):
            return self.answer(401, b"{}")
        if feed.fault("wait"):
            return self.answer(503, Retry_After="2")
        if feed.fault("error"):
            return self.answer(500)
        if url.path == "/moved":
            return self.answer(302, Location="/list.csv")
        if url.path == "/away":
            return self.answer(302, Location=f"https://localhost:{self.server.server_port}/list.csv")
        if url.path == "/long-header":
            return self.answer(200, X_Long="a" * 200000)
        if url.path == "/list.csv":
            return self.document(feed)
        if url.path == "/api/collections/c1/objects/":
            return self.collection(feed, url.path, query)
        return self.answer(404)

    def document(self, feed):
        headers = {"ETag": feed.etag, "Content_Type": "text/csv"}
        if self.headers.get("If-None-Match") == feed.etag:
            return self.answer(304, ETag=feed.etag)
        body = gzip.compress(feed.document, mtime=0) if feed.packed and "gzip" in self.headers.get("Accept-Encoding", "") else feed.document
        if body is not feed.document:
            headers["Content_Encoding"] = "gzip"
        wanted = self.headers.get("Range")
        status = 200
        if wanted and self.headers.get("If-Range") == feed.etag:
            start = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content_Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        if feed.fault("break"):
            return self.half(status, body, headers)
        if feed.fault("drip"):
            return self.drip(body)
        return self.answer(status, body, **headers)

    def half(self, status, body, headers):
        """The connection breaks in the middle of the body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.close_connection = True
        self.connection.close()

    def drip(self, body):
        """Ten bytes a second, as long as somebody takes them."""
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for at in range(0, len(body), 10):
            self.wfile.write(body[at:at + 10])
            self.wfile.flush()
            time.sleep(1)

    def collection(self, feed, path, query):
        if self.headers.get("Accept") != TAXII:
            return self.answer(406)
        if feed.pages:
            envelope, last = feed.pages(query, len([r for r in feed.requests if r["path"] == path]))
            return self.answer(200, json.dumps(envelope).encode(), Content_Type=TAXII, **({"X_TAXII_Date_Added_Last": last} if last else {}))
        after = query.get("added_after", "")
        found = [o for o in feed.objects if moment(o["added"]) > moment(after)]
        start = 0
        if "next" in query:
            start = int(query["next"].removeprefix("page "))
            if feed.fault("forgot"):
                return self.answer(404, b'{"title":"no such page"}', Content_Type=TAXII)
        page = found[start:start + min(feed.page, int(query["limit"]))]
        more = len(found) > start + len(page)
        envelope = {"objects": [o["object"] for o in page]} if page else {}
        if more:
            envelope["more"] = True
            if feed.by_next:
                envelope["next"] = f"page {start + len(page)}"
        headers = {"Content_Type": TAXII}
        if page and not feed.undated:
            headers |= {"X_TAXII_Date_Added_First": page[0]["added"], "X_TAXII_Date_Added_Last": page[-1]["added"]}
        body = json.dumps(envelope).encode()
        return self.half(200, body, headers) if feed.fault("die") else self.answer(200, body, **headers)


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def serve(cert, key, client_ca=None):
    """A running server; its .feed is what it serves. client_ca: it refuses whoever shows no certificate of that CA."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    if client_ca:
        context.load_verify_locations(client_ca)
        context.verify_mode = ssl.CERT_REQUIRED
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.feed = Feed()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def stix_object(number):
    return {"added": f"2026-11-20T10:00:{number // 1000:02d}.{number % 1000:06d}Z",
            "object": {"type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{number:012d}", "created": "2026-11-20T09:00:00.000Z",
                       "modified": "2026-11-20T09:00:00.000Z", "name": f"object {number}", "indicator_types": ["malicious-activity"], "pattern_type": "stix",
                       "pattern": f"[ipv4-addr:value = '198.51.100.{number % 250}']", "valid_from": "2026-11-20T09:00:00Z"}}
