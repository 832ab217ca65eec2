from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from soasap._io.tls import make_context
from soasap.concurrency.threads import ThreadsBackend


def context_of(
    ca_file: str | None = None,
    client_cert: str | tuple[str, str] | None = None,
    ready: ssl.SSLContext | None = None,
) -> ssl.SSLContext:
    return make_context(ThreadsBackend(), ca_file, client_cert, ready)


def shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, host: str) -> tuple[ssl.SSLObject, ssl.SSLObject]:
    """Both ends of a connection in memory, after the handshake."""
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = client.wrap_bio(down, up, server_hostname=host)
    theirs = server.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for end in (ours, theirs):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
    return ours, theirs


@pytest.fixture
def server(ca: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("flags.example").configure_cert(context)
    return context


class TestOwnContext:
    def test_checks(self, ca_file: str) -> None:
        """Certificates and host names are checked, and nothing older than TLS 1.2 is spoken."""
        context = context_of(ca_file)

        assert ssl.CERT_REQUIRED == context.verify_mode
        assert context.check_hostname
        assert ssl.TLSVersion.TLSv1_2 == context.minimum_version

    def test_protocol(self, ca_file: str, server: ssl.SSLContext) -> None:
        """HTTP/1.1 is what is offered, also to a server that would rather speak HTTP/2."""
        server.set_alpn_protocols(["h2", "http/1.1"])

        ours, _ = shake_hands(context_of(ca_file), server, "flags.example")

        assert "http/1.1" == ours.selected_alpn_protocol()

    def test_wrong_host(self, ca_file: str, server: ssl.SSLContext) -> None:
        """A certificate for another host is refused."""
        with pytest.raises(ssl.SSLCertVerificationError, match=r"other\.example"):
            shake_hands(context_of(ca_file), server, "other.example")

    def test_own_authority_alone(self, ca_file: str) -> None:
        """With a CA file no other authority is trusted."""
        assert 1 == len(context_of(ca_file).get_ca_certs())

    def test_system_authorities(self, ca_file: str, monkeypatch: pytest.MonkeyPatch, server: ssl.SSLContext) -> None:
        """Without one, those of the system are trusted, SSL_CERT_FILE included."""
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(context_of(), server, "flags.example")
        monkeypatch.setenv("SSL_CERT_FILE", ca_file)

        shake_hands(context_of(), server, "flags.example")

    def test_missing(self, tmp_path: Path) -> None:
        """A CA file that is not there is an `OSError`."""
        with pytest.raises(FileNotFoundError):
            context_of(str(tmp_path / "ca.pem"))

    def test_not_pem(self, tmp_path: Path) -> None:
        """A CA file that is not in PEM is an `OSError`, too."""
        path = tmp_path / "ca.pem"
        path.write_text("hello")

        with pytest.raises(OSError):
            context_of(str(path))


class TestClientCertificate:
    @pytest.fixture
    def mutual(self, ca: trustme.CA, server: ssl.SSLContext) -> ssl.SSLContext:
        """A server that demands a certificate."""
        ca.configure_trust(server)
        server.verify_mode = ssl.CERT_REQUIRED
        return server

    def test_one_file(self, ca: trustme.CA, ca_file: str, mutual: ssl.SSLContext, tmp_path: Path) -> None:
        """Certificate and key may be in one file."""
        path = str(tmp_path / "client.pem")
        ca.issue_cert("ada@example.org").private_key_and_cert_chain_pem.write_to_path(path)

        _, theirs = shake_hands(context_of(ca_file, path), mutual, "flags.example")

        assert (("email", "ada@example.org"),) == theirs.getpeercert()["subjectAltName"]  # type: ignore[index]

    def test_two_files(self, ca: trustme.CA, ca_file: str, mutual: ssl.SSLContext, tmp_path: Path) -> None:
        """Or in two."""
        leaf = ca.issue_cert("ada@example.org")
        leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        leaf.private_key_pem.write_to_path(str(tmp_path / "key.pem"))

        context = context_of(ca_file, (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")))

        assert shake_hands(context, mutual, "flags.example")[1].getpeercert()

    def test_pass_phrase(self, ca: trustme.CA, ca_file: str, tmp_path: Path) -> None:
        """A key behind a pass phrase is refused at once; nobody is asked for it on a terminal."""
        leaf = ca.issue_cert("ada@example.org")
        key = load_pem_private_key(leaf.private_key_pem.bytes(), None)
        locked = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame"))
        leaf.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
        (tmp_path / "key.pem").write_bytes(locked)

        with pytest.raises(ValueError, match="pass phrase"):
            context_of(ca_file, (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")))

    def test_missing(self, ca_file: str, tmp_path: Path) -> None:
        """A client certificate that is not there is an `OSError`."""
        with pytest.raises(FileNotFoundError):
            context_of(ca_file, str(tmp_path / "client.pem"))


class TestReadyContext:
    def test_untouched(self, ca: trustme.CA, server: ssl.SSLContext) -> None:
        """A ready context is taken as it is, its protocols included."""
        ready = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ca.configure_trust(ready)
        ready.set_alpn_protocols(["flags/1"])
        ready.maximum_version = ssl.TLSVersion.TLSv1_2
        server.set_alpn_protocols(["flags/1", "http/1.1"])

        context = context_of(ready=ready)
        context.set_alpn_protocols(["http/1.1"])
        ours, _ = shake_hands(context, server, "flags.example")

        assert ("flags/1", "TLSv1.2") == (ours.selected_alpn_protocol(), ours.version())
