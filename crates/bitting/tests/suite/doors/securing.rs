//! TLS: certificates, names, versions.

use super::{Certified, curl, start_among, start_secured};
use crate::harness::{Bitting, Client, Traces, Upstream, get, run};

#[tokio::test]
async fn curl_speaks_http_2_and_http_1_over_tls_and_the_upstream_learns_that_it_was_https() {
    let (bitting, upstream, bearer) = start_secured("").await;
    let port = bitting.gateway.port();
    let (resolve, url) = (format!("api.example:{port}:127.0.0.1"), format!("https://api.example:{port}/things?x=1"));
    let authorization = format!("Authorization: {bearer}");
    let common = ["--cacert", "authority.pem", "--resolve", &resolve, "-H", &authorization, &url];
    for (flag, version) in
        [("--http2", "2"), ("--http1.1", "1.1"), ("--http1.0", "1"), ("--tls-max=1.2", "2"), ("--tlsv1.3", "2")]
    {
        let flags: Vec<&str> = flag.split('=').collect();
        let said = curl(bitting.traces.folder(), &[&flags, &common[..]].concat()).await;
        assert!(said.ends_with(&format!("\n{version} 200")), "{flag}: {said}");
        let seen = upstream.last();
        assert_eq!(seen.target, "/things?x=1");
        assert_eq!(seen.header("x-forwarded-proto"), "https");
        assert_eq!(seen.header("x-forwarded-for"), "127.0.0.1");
        assert_eq!(seen.header("x-forwarded-host"), format!("api.example:{port}"));
    }
    let old =
        curl(bitting.traces.folder(), &[&["--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], &common[..]].concat()).await;
    assert!(
        old.contains("alert protocol version")
            || old.contains("alert handshake failure")
            || old.contains("no protocols available"),
        "{old}"
    );
}

#[tokio::test]
async fn without_http_2_callers_get_http_1_however_they_ask() {
    let (bitting, _upstream, bearer) = start_secured("http2 = false").await;
    let url = format!("https://{}/x", bitting.gateway);
    let authorization = format!("Authorization: {bearer}");
    let said = curl(bitting.traces.folder(), &["--insecure", "--http2", "-H", &authorization, &url]).await;
    assert!(said.ends_with("\n1.1 200"), "{said}");
}

#[tokio::test]
async fn each_name_gets_its_own_certificate_and_a_stranger_the_first() {
    let traces = Traces::new();
    let authority = Certified::authority(&traces);
    authority.certify("first", &["api.example"]);
    authority.certify("second", &["*.shop.example"]);
    let tls = "[[listen.tls]]\ncertificate = \"first.pem\"\nkey = \"first.key\"\n\
               [[listen.tls]]\ncertificate = \"second.pem\"\nkey = \"second.key\"\n";
    let (bitting, _upstream, _bearer) = start_among(traces, tls).await;
    let port = bitting.gateway.port();
    let code = format!(
        "import socket, ssl\n\
         for name in ['api.example', 'www.shop.example', 'WWW.Shop.Example', 'other.example', None]:\n\
         \x20   context = ssl.create_default_context(cafile='{}')\n\
         \x20   context.check_hostname = False\n\
         \x20   with context.wrap_socket(socket.create_connection(('127.0.0.1', {port})), server_hostname=name) as s:\n\
         \x20       print(name, s.getpeercert()['subjectAltName'][0][1], s.version())\n",
        bitting.traces.path("authority.pem").display()
    );
    let said = Client::Python.run(&code, &[]).await;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines,
        [
            "api.example api.example TLSv1.3",
            "www.shop.example *.shop.example TLSv1.3",
            "WWW.Shop.Example *.shop.example TLSv1.3",
            "other.example api.example TLSv1.3",
            "None api.example TLSv1.3",
        ]
    );
}

#[tokio::test]
async fn a_connection_for_one_api_brings_no_request_for_another() {
    let traces = Traces::new();
    Certified::authority(&traces).certify("own", &["shop.example", "books.example", "alias.example"]);
    let upstream = Upstream::start().await;
    let api = |name: &str, hosts: &str| {
        let origin = upstream.origin();
        format!("[[api]]\nname = \"{name}\"\nhosts = [{hosts}]\nupstream = \"{origin}\"\nkey = {{ prefix = \"{name}_\" }}\n")
    };
    let text = api("shop", "\"shop.example\", \"alias.example\"")
        + &api("books", "\"books.example\"")
        + "[api.errors]\nbody = { said = \"{code}\" }\nmisdirected_request = { code = \"wrong_door\" }\n";
    let bitting = Bitting::with_door(&text, "tls = { certificate = \"own.pem\", key = \"own.key\" }", traces);
    let port = bitting.gateway.port();
    for (name, host, wanted) in [
        ("shop.example", "shop.example", "401"),
        ("shop.example", "SHOP.example.:443", "401"),
        ("shop.example", "alias.example", "401"),
        ("shop.example", "books.example", "421"),
        ("nobody.example", "books.example", "401"),
        ("books.example", "nobody.example", "421"),
    ] {
        for version in ["--http1.1", "--http2"] {
            let (resolve, url) = (format!("{name}:{port}:127.0.0.1"), format!("https://{name}:{port}/x"));
            let host_header = format!("Host: {host}");
            let arguments = ["--insecure", version, "--resolve", &resolve, "-H", &host_header, &url];
            let said = curl(bitting.traces.folder(), &arguments).await;
            assert!(said.ends_with(wanted), "{name} {host} {version}: {said}");
            if host == "books.example" && wanted == "421" {
                assert!(said.starts_with("{\"said\":\"wrong_door\"}"), "{said}");
            }
        }
    }
    assert!(upstream.requests().is_empty());
}

#[tokio::test]
async fn a_certificate_says_in_metrics_and_log_until_when_it_is_good() {
    let (bitting, _upstream, _bearer) = start_secured("").await;
    let metrics = get(bitting.service, "/metrics", &[]).await.body;
    let line =
        metrics.lines().find(|line| line.starts_with("bitting_certificate_expiry_timestamp_seconds{name=\"api.example\"}"));
    let seconds: f64 = line.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    // rcgen's own end, in the year 4096.
    assert!(seconds > 6e10, "{line:?}");
    assert!(bitting.log().contains("\"names\":\"api.example\""), "{}", bitting.log());
}

#[test]
fn files_that_are_no_certificates_are_named_with_file_line_and_remedy() {
    let traces = Traces::new();
    let authority = Certified::authority(&traces);
    authority.certify("good", &["api.example"]);
    authority.certify("other", &["api.example"]);
    authority.certify_with("old", &["api.example"], |params| params.not_after = rcgen::date_time_ymd(2020, 1, 2));
    authority.certify_with("early", &["api.example"], |params| params.not_before = rcgen::date_time_ymd(4000, 1, 2));
    authority.certify("nameless", &[]);
    std::fs::write(traces.path("empty.pem"), "").unwrap();
    let read = |name: &str| std::fs::read_to_string(traces.path(name)).unwrap();
    std::fs::write(traces.path("order.pem"), read("authority.pem") + &read("good.pem")).unwrap();
    std::fs::write(traces.path("strange.pem"), read("good.pem") + &read("other.pem")).unwrap();
    let check = |certificate: &str, key: &str| {
        let text = "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\nkey = { prefix = \"shop_\" }\n\
                    [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n";
        let text = format!("{text}[[listen.tls]]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n");
        std::fs::write(traces.path("bitting.toml"), text).unwrap();
        let output = run(["check", "bitting.toml"].map(str::to_owned), &traces);
        (output.code, output.stdout + &output.stderr)
    };
    assert_eq!(check("good.pem", "good.key").0, 0);
    for (certificate, key, place, what, remedy) in [
        ("none.pem", "good.key", "bitting.toml:9:15", "No such file", "that this user may read"),
        ("good.pem", "none.key", "bitting.toml:10:7", "No such file", "that this user may read"),
        ("empty.pem", "good.key", "bitting.toml:9:15", "no certificate in it", "after it, those that"),
        ("good.key", "good.key", "bitting.toml:9:15", "no certificate in it", "after it, those that"),
        ("good.pem", "good.pem", "bitting.toml:10:7", "no private key in it", "BEGIN PRIVATE KEY"),
        ("good.pem", "other.key", "bitting.toml:10:7", "does not belong to the certificate", "made for each other"),
        ("order.pem", "good.key", "bitting.toml:9:15", "certificate number 2", "put that one first"),
    ] {
        let (code, said) = check(certificate, key);
        assert!(
            code == 3 && said.contains(place) && said.contains(what) && said.contains(remedy),
            "{certificate} {key} {code}: {said}"
        );
    }
    for (certificate, what, remedy) in [
        ("old", "expired at 2020-01-02T00:00:00Z", "bitting reload"),
        ("early", "is not valid before 4000-01-02T00:00:00Z", "use the earlier one"),
        ("nameless", "is for no name", "subject alternative names"),
    ] {
        let (code, said) = check(&format!("{certificate}.pem"), &format!("{certificate}.key"));
        assert!(
            code == 0 && said.contains("1 warning") && said.contains(what) && said.contains(remedy),
            "{certificate}: {said}"
        );
    }
    let (code, said) = check("strange.pem", "good.key");
    assert!(code == 0 && said.contains("wrong order"), "{said}");
}

#[test]
fn hosts_that_no_certificate_is_for_are_pointed_out_unless_callers_reach_them_without_tls_too() {
    let traces = Traces::new();
    let authority = Certified::authority(&traces);
    authority.certify("shop", &["shop.example", "*.shops.example"]);
    let check = |hosts: &str, more: &str| {
        let text = format!(
            "[[api]]\nname = \"shop\"\nupstream = \"http://127.0.0.1:9\"\nkey = {{ prefix = \"shop_\" }}\nhosts = [{hosts}]\n\
             [[listen]]\naddress = \"127.0.0.1:0\"\nserve = [\"gateway\"]\n\
             [[listen.tls]]\ncertificate = \"shop.pem\"\nkey = \"shop.key\"\n{more}"
        );
        std::fs::write(traces.path("bitting.toml"), text).unwrap();
        let output = run(["check", "bitting.toml"].map(str::to_owned), &traces);
        assert_eq!(output.code, 0, "{}", output.stderr);
        output.stdout + &output.stderr
    };
    let said = check("\"shop.example\", \"a.shops.example\", \"127.0.0.1\"", "");
    assert!(said.contains("no warnings"), "{said}");
    let said = check("\"shop.example\", \"a.b.shops.example\", \"books.example\"", "");
    assert!(said.contains("2 warnings") && said.contains("bitting.toml:5:1"), "{said}");
    for host in ["a.b.shops.example", "books.example"] {
        assert!(said.contains(&format!("no certificate is for \"{host}\"")) && said.contains("[[listen.tls]]"), "{said}");
    }
    let inside = "[[listen]]\naddress = \"127.0.0.2:0\"\nserve = [\"gateway\"]\n";
    let said = check("\"books.example\"", inside);
    assert!(said.contains("no warnings"), "{said}");
}
