//! TLS with given certificates, and HTTP/2 over it.

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertifiedKey, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use ship::control::{Certificate, Code, Switch};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::app::App;
use super::client::get;
use super::rig::{Rig, at, to};

fn certificate(names: &[&str]) -> CertifiedKey<KeyPair> {
    rcgen::generate_simple_self_signed(names.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
}

fn with_tls(mut switch: Switch, certificate: &CertifiedKey<KeyPair>) -> Switch {
    let (certificate_pem, key_pem) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    switch.routes.tls = Some(Certificate { certificate_pem, key_pem });
    switch
}

async fn connect(
    address: SocketAddr,
    name: &str,
    trusted: &CertifiedKey<KeyPair>,
    protocol: &[u8],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await
}

/// GET over TLS, by HTTP/2 or HTTP/1.1.
async fn get_tls(
    address: SocketAddr,
    name: &str,
    trusted: &CertifiedKey<KeyPair>,
    http_2: bool,
) -> (StatusCode, HeaderMap, Bytes) {
    let stream = connect(address, name, trusted, if http_2 { b"h2" } else { b"http/1.1" }).await.unwrap();
    let response = if http_2 {
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get(format!("https://{name}/version"));
        let request = request.header("cookie", "a=1").header("cookie", "b=2");
        sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
    } else {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let request = Request::get("/version").header("host", name);
        sender.send_request(request.body(Full::<Bytes>::default()).unwrap()).await.unwrap()
    };
    let (head, body) = response.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn http_1_and_http_2_are_served_over_tls() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let own = certificate(&["blog.test"]);
    let switch = with_tls(at(to("r1", &[app.address]), &["blog.test"], "/"), &own);
    assert_eq!(rig.switch("blog-production", &switch).await.unwrap().warnings, Vec::<String>::new());
    for http_2 in [false, true] {
        let (status, headers, body) = get_tls(rig.https, "blog.test", &own, http_2).await;
        assert_eq!((status.as_u16(), &body[..]), (200, &b"r1"[..]));
        assert!(headers.contains_key("x-request-id"));
        let (target, headers) = app.last();
        assert_eq!((target.as_str(), &headers["host"]), ("/version", &"blog.test".parse().unwrap()));
        assert_eq!(headers["x-forwarded-proto"], "https");
        assert_eq!(headers["x-forwarded-port"], rig.https.port().to_string());
        assert_eq!(headers["forwarded"], "for=127.0.0.1;host=\"blog.test\";proto=https");
        if http_2 {
            assert_eq!(headers["cookie"], "a=1; b=2");
        }
    }
    assert_eq!(app.told.seen_checks.lock().unwrap()[0]["x-forwarded-proto"], "https");
}

#[tokio::test]
async fn plain_http_is_redirected_only_for_services_with_tls() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let own = certificate(&["blog.test"]);
    let blog = with_tls(at(to("r1", &[app.address]), &["blog.test"], "/"), &own);
    rig.switch("blog-production", &blog).await.unwrap();
    rig.switch("any-production", &to("r1", &[app.address])).await.unwrap();
    let answer = get(rig.http, "Blog.test:80", "/a%2Fb?c=d").await;
    assert_eq!(answer.status, 308);
    assert_eq!(answer.headers["location"], format!("https://blog.test:{}/a%2Fb?c=d", rig.https.port()));
    assert_eq!(get(rig.http, "other.test", "/version").await.body, "r1");
}

#[tokio::test]
async fn each_name_has_its_own_certificate_and_an_unknown_one_has_none() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let (blog, wild) = (certificate(&["blog.test"]), certificate(&["*.wild.test"]));
    rig.switch("blog-production", &with_tls(at(to("r1", &[app.address]), &["blog.test"], "/"), &blog)).await.unwrap();
    let switch = with_tls(at(to("r1", &[app.address]), &["*.wild.test"], "/"), &wild);
    assert_eq!(rig.switch("wild-production", &switch).await.unwrap().warnings, Vec::<String>::new());
    assert_eq!(get_tls(rig.https, "blog.test", &blog, false).await.0, 200);
    assert_eq!(get_tls(rig.https, "a.wild.test", &wild, true).await.0, 200);
    assert!(connect(rig.https, "a.b.wild.test", &wild, b"h2").await.is_err());
    assert!(connect(rig.https, "other.test", &blog, b"h2").await.is_err());
}

#[tokio::test]
async fn certificates_change_with_the_release_and_survive_a_restart() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let (old, new) = (certificate(&["blog.test"]), certificate(&["blog.test"]));
    let switch = |certificate| with_tls(at(to("r1", &[app.address]), &["blog.test"], "/"), certificate);
    rig.switch("blog-production", &switch(&old)).await.unwrap();
    rig.switch("blog-production", &switch(&new)).await.unwrap();
    assert!(connect(rig.https, "blog.test", &old, b"h2").await.is_err());
    let rig = Rig::start_in(rig.kill().await);
    assert_eq!(get_tls(rig.https, "blog.test", &new, true).await.0, 200);
}

#[tokio::test]
async fn bad_certificates_are_refused_and_unfitting_ones_are_warned_about() {
    let rig = Rig::start();
    let app = App::start("r1").await;
    let (one, other) = (certificate(&["blog.test"]), certificate(&["blog.test"]));
    let good = with_tls(at(to("r1", &[app.address]), &["blog.test", "www.blog.test"], "/"), &one);
    for (certificate_pem, key_pem, problem) in [
        (one.cert.pem(), other.signing_key.serialize_pem(), "the certificate and the key do not belong together"),
        (String::new(), one.signing_key.serialize_pem(), "the certificate's PEM has no certificate in it"),
        (one.cert.pem(), one.cert.pem(), "the certificate's key is not a private key in PEM"),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            one.signing_key.serialize_pem(),
            "the certificate cannot be read as X.509",
        ),
    ] {
        let mut bad = good.clone();
        bad.routes.tls = Some(Certificate { certificate_pem, key_pem });
        let refusal = rig.switch("blog-production", &bad).await.unwrap_err();
        assert_eq!((refusal.code, refusal.message.as_str()), (Code::Invalid, problem));
        assert!(!format!("{refusal:?}").contains("PRIVATE"));
    }
    let switched = rig.switch("blog-production", &good).await.unwrap();
    assert_eq!(switched.warnings, ["the certificate is not valid for www.blog.test"]);
    assert!(!serde_json::to_string(&rig.status().await).unwrap().contains("PRIVATE"));
}
