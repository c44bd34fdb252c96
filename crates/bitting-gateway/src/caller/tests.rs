//! What upstreams are told, for each who tells it.

use super::*;

/// What the upstream gets of these headers, from a peer at 10.0.0.7 who asks for `shop:8080`, in the order of their names.
fn told(
    peer: &str,
    scheme: &Scheme,
    believed: ForwardedHeader,
    told: Forwards,
    says: &[(&'static str, &'static str)],
) -> String {
    let trusted = AddressList::parse(["10.0.0.0/8", "2001:db8::/32"]).unwrap();
    let caller = Caller::new(peer.parse().unwrap(), scheme, trusted, believed, None);
    let mut headers = HeaderMap::new();
    for (name, value) in says {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    let client = caller.client(&headers);
    let gone: Vec<HeaderName> = headers.keys().filter(|name| caller.is_pretence(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
    caller.tell_upstream(told, client, Some(&HeaderValue::from_static("shop:8080")), &mut headers);
    let line = |(name, value): (&HeaderName, &HeaderValue)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes()));
    let mut lines: Vec<String> = headers.iter().map(line).collect();
    lines.sort_by_key(|line| line.split(':').next().map(str::to_owned));
    lines.join("\n")
}

const LIES: [(&str, &str); 10] = [
    ("x-forwarded-for", "203.0.113.9"),
    ("forwarded", "for=203.0.113.9"),
    ("x-forwarded-proto", "https"),
    ("x-real-ip", "203.0.113.9"),
    ("true_client-ip", "203.0.113.9"),
    ("x-forwarded", "for=203.0.113.9"),
    ("forwarded-for", "203.0.113.9"),
    ("http_x_forwarded_for", "203.0.113.9"),
    ("x-original-host", "evil"),
    ("x-forwarded-port", "443"),
];

#[test]
fn of_a_stranger_the_upstream_learns_what_was_seen_here_in_the_headers_that_it_reads() {
    let x = ForwardedHeader::XForwardedFor;
    let common = "x-forwarded-for: 192.0.2.7\nx-forwarded-host: shop:8080\nx-forwarded-proto: http";
    assert_eq!(told("192.0.2.7", &Scheme::HTTP, x, Forwards::XForwarded, &LIES), common);
    let standard = "forwarded: for=192.0.2.7;host=\"shop:8080\";proto=https";
    assert_eq!(told("192.0.2.7", &Scheme::HTTPS, x, Forwards::Forwarded, &LIES), standard);
    let both = "forwarded: for=\"[2a00::7]\";host=\"shop:8080\";proto=https\n\
                x-forwarded-for: 2a00::7\nx-forwarded-host: shop:8080\nx-forwarded-proto: https";
    assert_eq!(told("2a00::7", &Scheme::HTTPS, x, Forwards::Both, &LIES), both);
}

#[test]
fn what_a_trusted_proxy_says_goes_on_and_never_contradicts_itself() {
    let x = ForwardedHeader::XForwardedFor;
    let says = [
        ("x-forwarded-for", "1.1.1.1, 198.51.100.1, 10.0.0.9"),
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-host", "api.example"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-prefix", "/v1"),
        ("x-real-ip", "1.1.1.1"),
        ("forwarded", "for=1.1.1.1;proto=http"),
    ];
    let common = "x-forwarded-for: 1.1.1.1, 198.51.100.1, 10.0.0.9, 10.0.0.7\nx-forwarded-host: api.example\n\
                  x-forwarded-port: 443\nx-forwarded-prefix: /v1\nx-forwarded-proto: https\nx-real-ip: 198.51.100.1";
    assert_eq!(told("10.0.0.7", &Scheme::HTTP, x, Forwards::XForwarded, &says), common);
    let standard = "forwarded: for=198.51.100.1;host=\"api.example\";proto=https, for=10.0.0.9, for=10.0.0.7";
    assert!(told("10.0.0.7", &Scheme::HTTP, x, Forwards::Forwarded, &says).starts_with(standard));
    let both = told("10.0.0.7", &Scheme::HTTP, x, Forwards::Both, &says);
    assert_eq!(both, format!("{standard}\n{common}"));
}

#[test]
fn from_the_standard_header_the_common_ones_are_made() {
    let f = ForwardedHeader::Forwarded;
    let says = [
        ("forwarded", "for=1.1.1.1;host=evil, for=\"[2a00::1]:4711\";host=\"api.example\";proto=https, for=10.0.0.9"),
        ("x-forwarded-for", "203.0.113.9"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-prefix", "/evil"),
        ("x-real-ip", "203.0.113.9"),
    ];
    assert_eq!(
        told("10.0.0.7", &Scheme::HTTP, f, Forwards::XForwarded, &says),
        "x-forwarded-for: 2a00::1, 10.0.0.9, 10.0.0.7\nx-forwarded-host: api.example\n\
         x-forwarded-proto: https"
    );
    assert_eq!(
        told("10.0.0.7", &Scheme::HTTP, f, Forwards::Forwarded, &says[..1]),
        format!("forwarded: {}, for=10.0.0.7;host=\"shop:8080\";proto=http", says[0].1)
    );
}

#[test]
fn garbage_from_a_trusted_proxy_is_replaced_by_what_was_seen_here() {
    let x = ForwardedHeader::XForwardedFor;
    let says = [
        ("x-forwarded-proto", "https, javascript"),
        ("x-forwarded-host", "api.example, user@evil"),
        ("x-forwarded-port", "443\t"),
        ("x-real-ip", "\u{e9}"),
    ];
    let common = "x-forwarded-for: 10.0.0.7\nx-forwarded-host: shop:8080\nx-forwarded-proto: http\nx-real-ip: 10.0.0.7";
    assert_eq!(told("10.0.0.7", &Scheme::HTTP, x, Forwards::XForwarded, &says), common);
    let standard = "forwarded: for=10.0.0.7;host=\"shop:8080\";proto=http";
    assert_eq!(told("10.0.0.7", &Scheme::HTTP, x, Forwards::Forwarded, &says[..3]), standard);
    for port in ["", "0", "65536", "https", "-1"] {
        let told = told("10.0.0.7", &Scheme::HTTP, x, Forwards::XForwarded, &[("x-forwarded-port", port)]);
        assert!(!told.contains("port"), "{told}");
    }
    let unknown = told("10.0.0.7", &Scheme::HTTP, x, Forwards::Forwarded, &[("x-forwarded-for", "1.1.1.1, unknown")]);
    assert_eq!(unknown, "forwarded: for=unknown;host=\"shop:8080\";proto=http, for=10.0.0.7");
}
