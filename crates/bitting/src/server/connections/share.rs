//! How many of a listener's places one stranger may take.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitting_core::address::AddressList;
use bitting_core::ban::ClientNetwork;

/// The open connections of strangers, by the network that each comes from.
#[derive(Clone, Default)]
pub(super) struct Shares(Arc<Open>);

#[derive(Default)]
struct Open(Mutex<HashMap<ClientNetwork, usize>>);

/// A place that is taken, until it is dropped.
pub(super) struct Share {
    open: Arc<Open>,
    /// Nobody's in particular for whoever is no stranger.
    of: Option<ClientNetwork>,
}

impl Shares {
    /// A place for a connection, if its peer has not the most already that one may have. Trusted proxies bring everybody's
    /// connections, and so does whatever runs on the same machine.
    pub(super) fn take(&self, peer: IpAddr, most: usize, trusted: &AddressList) -> Option<Share> {
        let open = Arc::clone(&self.0);
        let peer = peer.to_canonical();
        if peer.is_loopback() || trusted.contains(peer) {
            return Some(Share { open, of: None });
        }
        let of = ClientNetwork::from(peer);
        let mut counts = open.counts();
        let count = counts.entry(of).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(Share { open, of: Some(of) })
    }
}

impl Open {
    fn counts(&self) -> MutexGuard<'_, HashMap<ClientNetwork, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(of) = self.of else { return };
        let mut counts = self.open.counts();
        if let Some(count) = counts.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn one_stranger_leaves_room_for_others_and_gets_back_what_is_closed() {
        let shares = Shares::default();
        let take = |text: &str| shares.take(peer(text), 2, &AddressList::default());
        let first = take("203.0.113.7").unwrap();
        let _second = take("::ffff:203.0.113.7").unwrap();
        assert!(take("203.0.113.7").is_none());
        assert!(take("203.0.113.8").is_some());
        drop(first);
        assert!(take("203.0.113.7").is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_stranger() {
        let shares = Shares::default();
        let take = |text: &str| shares.take(peer(text), 1, &AddressList::default());
        let _first = take("2001:db8:1:2::1").unwrap();
        assert!(take("2001:db8:1:2:ffff::9").is_none());
        assert!(take("2001:db8:1:3::1").is_some());
    }

    #[test]
    fn proxies_and_the_machine_itself_are_no_strangers() {
        let (shares, trusted) = (Shares::default(), AddressList::parse(["10.0.0.0/8"]).unwrap());
        for address in ["10.1.2.3", "127.0.0.1", "::1"] {
            let _open: Vec<Share> = (0..100).map(|_| shares.take(peer(address), 1, &trusted).unwrap()).collect();
        }
        assert!(shares.0.counts().is_empty(), "nobody is counted for ever");
    }
}
