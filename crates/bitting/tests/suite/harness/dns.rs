//! A small name server.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// What it says of a name.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// These addresses, for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// That there is no such name.
    NoSuchName,
    /// That something is wrong with it.
    Failure,
}

/// A name server on a socket of its own. Names that it was told nothing of do not exist.
pub(crate) struct NameServer {
    pub(crate) address: SocketAddr,
    names: Arc<Mutex<HashMap<String, Says>>>,
    task: JoinHandle<()>,
}

impl NameServer {
    pub(crate) async fn start() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let names: Arc<Mutex<HashMap<String, Says>>> = Arc::default();
        let known = Arc::clone(&names);
        let task = tokio::spawn(async move {
            let mut question = [0; 512];
            loop {
                let (length, from) = socket.recv_from(&mut question).await.unwrap();
                let answer = answer(&question[..length], &known.lock().unwrap());
                socket.send_to(&answer, from).await.unwrap();
            }
        });
        Self { address, names, task }
    }

    /// From now on it says this of a name.
    pub(crate) fn say(&self, name: &str, says: Says) {
        self.names.lock().unwrap().insert(name.to_owned(), says);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A message with the question and what there is to say to it (RFC 1035, section 4.1).
fn answer(question: &[u8], names: &HashMap<String, Says>) -> Vec<u8> {
    let (mut name, mut at) = (Vec::new(), 12);
    while question[at] != 0 {
        let length = usize::from(question[at]);
        name.push(String::from_utf8(question[at + 1..=at + length].to_vec()).unwrap().to_lowercase());
        at += length + 1;
    }
    let kind = u16::from_be_bytes([question[at + 1], question[at + 2]]);
    let says = names.get(&name.join(".")).cloned().unwrap_or(Says::NoSuchName);
    let (code, addresses, seconds) = match says {
        Says::Addresses(addresses, seconds) => (0, addresses, seconds),
        Says::Failure => (2, Vec::new(), 0),
        Says::NoSuchName => (3, Vec::new(), 0),
    };
    let of_kind = |address: &&IpAddr| kind == if address.is_ipv4() { 1 } else { 28 };
    let addresses: Vec<&IpAddr> = addresses.iter().filter(of_kind).collect();
    let mut message = question[..2].to_vec();
    // An answer, from a server that also asks others.
    message.extend([0x81, 0x80 | code, 0, 1, 0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    message.extend(&question[12..at + 5]);
    for address in addresses {
        // The name stands in the question.
        message.extend([0xC0, 12]);
        message.extend(kind.to_be_bytes());
        message.extend([0, 1]);
        message.extend(seconds.to_be_bytes());
        let bytes = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        message.extend(u16::try_from(bytes.len()).unwrap().to_be_bytes());
        message.extend(bytes);
    }
    message
}
