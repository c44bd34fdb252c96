//! How many of a listener's places one stranger may take.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bitting_core::address::AddressList;
use bitting_core::ban::ClientNetwork;

/// The open connections of strangers, by the network that each comes from.
#[derive(Clone)]
pub(super) struct Shares(Arc<State>);

struct State {
    most: usize,
    trusted: AddressList,
    open: Mutex<HashMap<ClientNetwork, usize>>,
}

/// A place that is taken, until it is dropped.
pub(super) struct Share {
    state: Arc<State>,
    /// Nobody's in particular for whoever is no stranger.
    of: Option<ClientNetwork>,
}

impl Shares {
    /// So many for each. Trusted proxies bring everybody's connections, and so does whatever runs on the same machine.
    pub(super) fn new(most: usize, trusted: AddressList) -> Self {
        Self(Arc::new(State { most, trusted, open: Mutex::default() }))
    }

    /// A place for a connection, if its peer has one left.
    pub(super) fn take(&self, peer: IpAddr) -> Option<Share> {
        let state = Arc::clone(&self.0);
        let peer = peer.to_canonical();
        if peer.is_loopback() || state.trusted.contains(peer) {
            return Some(Share { state, of: None });
        }
        let of = ClientNetwork::from(peer);
        let mut open = state.open();
        let count = open.entry(of).or_default();
        if *count >= state.most {
            return None;
        }
        *count += 1;
        drop(open);
        Some(Share { state, of: Some(of) })
    }
}

impl State {
    fn open(&self) -> MutexGuard<'_, HashMap<ClientNetwork, usize>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(of) = self.of else { return };
        let mut open = self.state.open();
        if let Some(count) = open.get_mut(&of) {
            *count -= 1;
            if *count == 0 {
                open.remove(&of);
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
        let shares = Shares::new(2, AddressList::default());
        let first = shares.take(peer("203.0.113.7")).unwrap();
        let _second = shares.take(peer("::ffff:203.0.113.7")).unwrap();
        assert!(shares.take(peer("203.0.113.7")).is_none());
        assert!(shares.take(peer("203.0.113.8")).is_some());
        drop(first);
        assert!(shares.take(peer("203.0.113.7")).is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_stranger() {
        let shares = Shares::new(1, AddressList::default());
        let _first = shares.take(peer("2001:db8:1:2::1")).unwrap();
        assert!(shares.take(peer("2001:db8:1:2:ffff::9")).is_none());
        assert!(shares.take(peer("2001:db8:1:3::1")).is_some());
    }

    #[test]
    fn proxies_and_the_machine_itself_are_no_strangers() {
        let shares = Shares::new(1, AddressList::parse(["10.0.0.0/8"]).unwrap());
        for address in ["10.1.2.3", "127.0.0.1", "::1"] {
            let _open: Vec<Share> = (0..100).map(|_| shares.take(peer(address)).unwrap()).collect();
        }
        assert!(shares.0.open().is_empty(), "nobody is counted for ever");
    }
}
