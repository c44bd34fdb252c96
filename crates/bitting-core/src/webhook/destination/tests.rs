use super::*;

fn check(text: &str) -> Result<(), Refused> {
    Destinations::default().check(&text.parse().unwrap())
}

#[test]
fn addresses_that_are_not_on_the_public_internet_are_known() {
    use UnfitAddress::{LinkLocal, Loopback, Metadata, Multicast, Private, Reserved, Shared, Tunnel, Unspecified};
    for (text, what) in [
        ("0.0.0.0", Unspecified),
        ("0.1.2.3", Unspecified),
        ("127.0.0.1", Loopback),
        ("127.255.255.254", Loopback),
        ("10.0.0.1", Private),
        ("172.16.0.1", Private),
        ("172.31.255.255", Private),
        ("192.168.1.1", Private),
        ("169.254.0.1", LinkLocal),
        ("169.254.169.254", Metadata),
        ("100.100.100.200", Metadata),
        ("192.0.0.192", Metadata),
        ("168.63.129.16", Metadata),
        ("100.64.0.1", Shared),
        ("100.127.255.255", Shared),
        ("224.0.0.1", Multicast),
        ("239.255.255.255", Multicast),
        ("240.0.0.1", Reserved),
        ("255.255.255.255", Reserved),
        ("192.0.0.1", Reserved),
        ("192.0.2.1", Reserved),
        ("198.18.0.1", Reserved),
        ("198.51.100.1", Reserved),
        ("203.0.113.1", Reserved),
        ("192.88.99.1", Tunnel),
        ("::", Unspecified),
        ("::1", Loopback),
        ("::ffff:127.0.0.1", Loopback),
        ("::ffff:10.0.0.1", Private),
        ("::ffff:169.254.169.254", Metadata),
        ("::127.0.0.1", Tunnel),
        ("64:ff9b::7f00:1", Tunnel),
        ("64:ff9b::a9fe:a9fe", Tunnel),
        ("64:ff9b:1::808:808", Tunnel),
        ("2002:7f00:1::", Tunnel),
        ("2002:a00:1::1", Tunnel),
        ("2001:0:53aa:64c::1", Tunnel),
        ("2001:2::1", Reserved),
        ("2001:db8::1", Reserved),
        ("3fff::1", Reserved),
        ("fd00:ec2::254", Metadata),
        ("fd00::1", Private),
        ("fc00::1", Private),
        ("fec0::1", Private),
        ("fe80::1", LinkLocal),
        ("febf::1", LinkLocal),
        ("ff02::1", Multicast),
        ("100::1", Reserved),
        ("4000::1", Reserved),
        ("5f00::1", Reserved),
    ] {
        assert_eq!(unfit(text.parse().unwrap()), Some(what), "{text}");
    }
}

#[test]
fn public_addresses_are_fit() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "168.63.129.15",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2a00:1450::1",
        "3fff:1000::1",
    ] {
        assert_eq!(unfit(text.parse().unwrap()), None, "{text}");
    }
}

#[test]
fn a_url_with_a_private_address_or_name_is_refused() {
    for text in [
        "https://127.0.0.1/",
        "https://10.1.2.3:8443/hook",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/",
        "https://[fd00:ec2::254]/",
        "https://[fe80::1]/",
        "https://[64:ff9b::7f00:1]/",
        "https://[2002:7f00:1::]/",
        "https://[::7f00:1]/",
    ] {
        assert!(matches!(check(text), Err(Refused::Address(..))), "{text}");
    }
    for text in [
        "https://localhost/",
        "https://LOCALHOST:8080/",
        "https://localhost./",
        "https://a.localhost/",
        "https://metadata.google.internal/computeMetadata/v1/",
        "https://printer.local/",
        "https://router.home.arpa/",
        "https://nas.lan/",
        "https://redis/",
        "https://%6cocalhost/",
        "https://ⓛocalhost/",
    ] {
        assert!(matches!(check(text), Err(Refused::Name(_))), "{text}");
    }
    for text in ["https://example.com/", "https://8.8.8.8/", "https://[2606:4700::1111]/", "https://notlocalhost.example/"] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    assert_eq!(check("http://example.com/"), Err(Refused::Http));
}

#[test]
fn what_the_configuration_allows_is_allowed_and_nothing_beside_it() {
    let allowed = Destinations::new(true, ["10.1.0.0/16", "::1", "Hooks.Internal"]).unwrap();
    let check = |text: &str| allowed.check(&text.parse().unwrap());
    for text in ["http://10.1.2.3/", "https://10.1.2.3/", "https://[::1]/", "https://hooks.internal/", "http://example.com/"] {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    assert!(allowed.check_address("::ffff:10.1.2.3".parse().unwrap()).is_ok());
    for text in ["https://10.2.0.1/", "https://127.0.0.1/", "https://other.internal/", "https://x.hooks.internal/"] {
        assert!(check(text).is_err(), "{text}");
    }
    for text in ["", "10.1.0.0/33", "a b", "https://x/", "user@host", "x:1"] {
        assert!(Destinations::new(false, [text]).is_err(), "{text}");
    }
}
