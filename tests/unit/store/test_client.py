import http.server
import ssl
import threading

import pytest
import trustme

from restoration_models.store import (
    NoKeys,
    StoreSettings,
    StoreTrouble,
    StoreUnreachable,
    WrongRegion,
    listing,
)
from support.servers import free_port

MALFORMED = b"""<?xml version="1.0"?><Error><Code>AuthorizationHeaderMalformed</Code>
<Message>The authorization header is malformed; the region is wrong; expecting 'eu-west-1'.</Message>
<Region>eu-west-1</Region></Error>"""


class Answering(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status, kind, body = self.server.answer
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def answering():
    """Start a server that gives one answer to everything; return its port."""
    servers = []

    def start(status, kind, body, certificate=None):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answering)
        server.answer = (status, kind, body)
        server.handle_error = lambda *_: None  # a client that mistrusts us hangs up: expected
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            certificate.configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server.server_address[1]

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def store(port, scheme="http", **changes):
    values = {"access_key": "key", "secret_key": "secret", **changes}
    return StoreSettings(f"{scheme}://127.0.0.1:{port}", "models", "dvc", **values)


def test_nothing_listens():
    with pytest.raises(StoreUnreachable, match=r"does not answer \(connection refused\); start it"):
        listing(store(free_port()))


def test_no_such_host():
    with pytest.raises(StoreUnreachable, match=r"does not answer \((no such host|.*resolution.*)\)"):
        listing(StoreSettings("http://store.invalid:9000", "models", "dvc", "key", "secret"))


def test_no_keys():
    with pytest.raises(NoKeys, match="models store login"):
        listing(store(1, secret_key=None))


@pytest.mark.parametrize("kind", ["text/html", "application/xml"])
@pytest.mark.parametrize("status", [200, 403, 404])
@pytest.mark.parametrize("body", [b"<html>welcome</html>", b"<br>welcome", b""])
def test_something_else_answers(answering, status, kind, body):
    port = answering(status, kind, body)
    with pytest.raises(StoreUnreachable, match="what answers there is not an S3 server"):
        listing(store(port))


def test_a_proxy_whose_server_is_away(answering):
    port = answering(502, "text/html", b"<html>bad gateway</html>")
    with pytest.raises(StoreUnreachable, match=r"does not answer \(too many 502 error responses\)"):
        listing(store(port))


def test_another_region(answering):
    port = answering(400, "application/xml", MALFORMED)
    with pytest.raises(
        WrongRegion, match="region is eu-west-1, not us-east-1; `dvc remote modify minio region"
    ):
        listing(store(port))


def test_a_server_in_trouble(answering):
    body = b"<Error><Code>XMinioServerNotInitialized</Code><Message>Not yet.</Message></Error>"
    port = answering(409, "application/xml", body)
    with pytest.raises(StoreTrouble, match=r"\(XMinioServerNotInitialized: Not yet\.\)"):
        listing(store(port))


def test_tls_is_checked_against_what_the_settings_name(answering, tmp_path):
    authority = trustme.CA()
    empty = b"<ListBucketResult><Name>models</Name><IsTruncated>false</IsTruncated></ListBucketResult>"
    port = answering(200, "application/xml", empty, authority.issue_cert("127.0.0.1"))
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    assert listing(store(port, "https", verify=str(bundle))) == {}
    with pytest.raises(StoreUnreachable, match="TLS: "):
        listing(store(port, "https"))
