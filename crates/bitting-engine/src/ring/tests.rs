//! The ring by itself.

use bitting_core::record::Sequence;
use bitting_core::time::Timestamp;

use super::*;

/// The `number`th key, as commit `sequence` left it.
fn row(number: u8, sequence: u64) -> RingRow {
    RingRow {
        digest: Digest::from_bytes([number; 32]),
        id: KeyId::new(Timestamp::from_millis(0), u128::from(number)),
        api: "shop".to_owned(),
        account: "acme".parse().unwrap(),
        environment: "live".to_owned(),
        rights: "[null, [], []]".to_owned(),
        allowed_addresses: None,
        enabled: true,
        revoked: false,
        expires_at: None,
        sequence: Sequence(sequence),
    }
}

fn standing(ring: &Ring, number: u8) -> KeyStanding {
    ring.records.pin().get(&Digest::from_bytes([number; 32])).unwrap().standing
}

#[test]
fn a_ring_that_was_not_loaded_is_not_trusted() {
    let ring = Ring::new(Arc::default(), 1);
    assert!(ring.trusted().is_err());
    ring.loaded.store(true, Ordering::Release);
    assert!(ring.trusted().is_ok_and(|trusted| trusted.find(&Digest::from_bytes([1; 32])).is_none()));
}

#[test]
fn states_of_a_key_that_arrive_in_any_order_leave_the_latest() {
    let mut states = [row(1, 1), RingRow { enabled: false, ..row(1, 2) }, row(1, 3), RingRow { revoked: true, ..row(1, 4) }];
    for turn in 0..states.len() {
        states.rotate_left(1);
        let ring = Ring::new(Arc::default(), 1);
        for state in &states {
            ring.apply(state);
        }
        assert_eq!((standing(&ring, 1), ring.len()), (KeyStanding::Revoked, 1), "turn {turn}");
    }
}

#[test]
fn keys_in_doubt_among_many_are_found_and_no_others() {
    let ring = Ring::new(Arc::default(), 1);
    for number in 0..100 {
        ring.apply(&row(number, 1));
    }
    let gone = row(200, 1).id;
    ring.doubt_keys(&HashSet::from([row(17, 1).id, row(99, 1).id, gone]));
    for number in 0..100 {
        let expected = if [17, 99].contains(&number) { KeyStanding::InDoubt } else { KeyStanding::Active };
        assert_eq!(standing(&ring, number), expected, "{number}");
    }
}
