//! Upstreams behind TLS.

use super::{config, refusal};
use crate::harness::tls::{Authority, Identity, TlsUpstream};
use crate::harness::{Bitting, Traces, get, post, run};

/// Bitting with files beside its configuration, before an upstream of this machine at a port.
fn with_files(files: &[(&str, &str)], port: u16, settings: &str) -> Bitting {
    let traces = Traces::new();
    for (name, text) in files {
        std::fs::write(traces.path(name), text).unwrap();
    }
    let upstream = format!("{{ servers = \"https://localhost:{port}\", {settings} }}");
    let file = traces.path("bitting.toml");
    std::fs::write(&file, config(&upstream, "")).unwrap();
    Bitting::serve(&file, &[], traces)
}

#[tokio::test]
async fn an_upstream_behind_tls_is_spoken_to_if_its_authority_is_trusted() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(&authority.certify("localhost"), None).await;
    let bitting = with_files(&[("ca.pem", &authority.pem)], upstream.port, "roots = \"ca.pem\"");
    for _ in 0..3 {
        assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    }
    assert_eq!(post(bitting.gateway, "/x", &[], "body").await.body, "ok");
}

#[tokio::test]
async fn an_upstream_whose_authority_or_name_is_another_is_a_502_and_the_log_says_why() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let old = authority.certify_with("localhost", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    for (identity, why, remedy) in [
        (stranger.certify("localhost"), "invalid peer certificate", "name that authority's certificate in `roots`"),
        (authority.certify("elsewhere.test"), "not valid for name", "write in `server_name` the name"),
        (old, "certificate expired", "give the server a new certificate"),
    ] {
        let upstream = TlsUpstream::start(&identity, None).await;
        let bitting = with_files(&[("ca.pem", &authority.pem)], upstream.port, "roots = \"ca.pem\"");
        assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
        let line = bitting.wait_for(|line| line.contains("the upstream failed"));
        assert!(line.contains(why) && line.contains(remedy), "{line}");
    }
    // Whom nobody has declared, the machine's authorities do not know.
    let upstream = TlsUpstream::start(&authority.certify("localhost"), None).await;
    let bitting = with_files(&[], upstream.port, "failures = 1");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
}

#[tokio::test]
async fn the_name_in_a_certificate_may_be_another_than_that_of_the_server() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(&authority.certify("shop.internal"), None).await;
    let settings = "roots = \"ca.pem\", server_name = \"shop.internal\"";
    let bitting = with_files(&[("ca.pem", &authority.pem)], upstream.port, settings);
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
}

#[tokio::test]
async fn an_upstream_that_asks_for_a_certificate_is_shown_one() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(&authority.certify("localhost"), Some(&authority)).await;
    let Identity { certificate, key } = authority.certify("bitting.test");
    let files = [("ca.pem", &*authority.pem), ("own.pem", &certificate), ("own-key.pem", &key)];
    let bitting = with_files(&files, upstream.port, "roots = \"ca.pem\", certificate = \"own.pem\", key = \"own-key.pem\"");
    assert_eq!(get(bitting.gateway, "/x", &[]).await.body, "ok");
    let bitting = with_files(&files, upstream.port, "roots = \"ca.pem\"");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
}

#[tokio::test]
async fn plain_http_where_tls_is_spoken_and_the_reverse_is_a_502() {
    let authority = Authority::new();
    let upstream = TlsUpstream::start(&authority.certify("localhost"), None).await;
    let plain = super::before(&format!("\"http://127.0.0.1:{}\"", upstream.port), "");
    assert_eq!(refusal(&get(plain.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
    let spoken = crate::harness::Upstream::start().await;
    let port = spoken.origin().rsplit(':').next().unwrap().parse().unwrap();
    let bitting = with_files(&[("ca.pem", &authority.pem)], port, "roots = \"ca.pem\"");
    assert_eq!(refusal(&get(bitting.gateway, "/x", &[]).await), (502, "upstream_unreachable".to_owned()));
    let line = bitting.wait_for(|line| line.contains("the upstream failed"));
    assert!(line.contains("the server does not speak TLS there"), "{line}");
}

#[test]
fn files_that_cannot_be_used_are_told_of_where_they_are_named() {
    let authority = Authority::new();
    let (own, other) = (authority.certify("bitting.test"), authority.certify("bitting.test"));
    let old = authority.certify_with("bitting.test", |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let traces = Traces::new();
    for (name, text) in [
        ("ca.pem", &*authority.pem),
        ("own.pem", &own.certificate),
        ("own-key.pem", &own.key),
        ("other-key.pem", &other.key),
        ("order.pem", &(authority.pem.clone() + &own.certificate)),
        ("old.pem", &old.certificate),
        ("old-key.pem", &old.key),
        ("locked.pem", locked),
        ("empty.pem", ""),
        ("broken.pem", "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n"),
    ] {
        std::fs::write(traces.path(name), text).unwrap();
    }
    std::fs::create_dir(traces.path("folder")).unwrap();
    for (settings, told) in [
        ("roots = \"empty.pem\"", "\"empty.pem\" cannot be used: there is no certificate in it"),
        ("roots = \"broken.pem\"", "\"broken.pem\" cannot be used: this is no PEM file"),
        ("roots = \"own-key.pem\"", "\"own-key.pem\" cannot be used: there is no certificate in it"),
        ("roots = \"nowhere.pem\"", "\"nowhere.pem\" cannot be read"),
        ("certificate = \"empty.pem\"\nkey = \"own-key.pem\"", "\"empty.pem\" cannot be used: there is no certificate in it"),
        ("certificate = \"own.pem\"\nkey = \"own.pem\"", "\"own.pem\" cannot be used: there is no private key in it"),
        (
            "certificate = \"own.pem\"\nkey = \"other-key.pem\"",
            "\"other-key.pem\" cannot be used: the key does not belong to the certificate",
        ),
        (
            "certificate = \"order.pem\"\nkey = \"own-key.pem\"",
            "\"order.pem\" cannot be used: the key belongs to certificate number 2",
        ),
        ("certificate = \"own.pem\"\nkey = \"locked.pem\"", "\"locked.pem\" cannot be used: the private key is encrypted"),
        ("roots = \"folder\"", "\"folder\" cannot be read: it is a folder"),
        ("roots = \"/dev/zero\"", "\"/dev/zero\" cannot be read: it is a device or a pipe"),
        (
            "certificate = \"old.pem\"\nkey = \"old-key.pem\"",
            "\"old.pem\" expired at 2020-01-02T00:00:00Z: servers that look will refuse it",
        ),
    ] {
        let text = format!(
            "[[api]]\nname = \"shop\"\n[api.key]\nprefix = \"shop_\"\n[api.upstream]\nservers = \"https://localhost\"\n{settings}\n"
        );
        let file = traces.path("bitting.toml");
        std::fs::write(&file, text).unwrap();
        let output = run(["check".to_owned(), file.display().to_string()], &traces);
        let is_error = !told.starts_with("\"old.pem\"");
        assert_eq!(output.code, if is_error { 3 } else { 0 }, "{settings}\n{}", output.stderr);
        assert!(output.stderr.contains(told) && output.stderr.contains("bitting.toml:"), "{settings}\n{}", output.stderr);
        let secret = own.key.lines().nth(1).unwrap();
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
}
