//! One end of an HTTP/2 connection that sends whatever it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// How a connection, or a request on it, came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The server ended the connection with an error.
    GoAway(u32),
    /// It reset a stream with an error.
    Reset(u32, u32),
    /// It answered 2xx.
    Answered,
    /// It answered something else.
    Refused,
    /// It closed without a word.
    Closed,
}

pub(super) struct Peer {
    stream: TcpStream,
}

/// A frame of any kind.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// SETTINGS with one setting.
pub(super) fn settings(name: u16, value: u32) -> Vec<u8> {
    frame(super::SETTINGS, 0, 0, &[&name.to_be_bytes()[..], &value.to_be_bytes()].concat())
}

/// Headers as HPACK writes them literally, without its table and without Huffman's code.
pub(super) fn headers(list: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    list.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

impl Peer {
    /// Connects and says that it speaks HTTP/2.
    pub(super) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut peer = Self { stream };
        peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        peer.send(&frame(super::SETTINGS, 0, 0, &[])).await;
        peer
    }

    /// Sends bytes; the server may have had enough already.
    pub(super) async fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    /// The next frame: kind, flags, stream, payload.
    pub(super) async fn next(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        Some((head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]), payload))
    }

    /// Reads until a request or the connection is over.
    pub(super) async fn until_end(&mut self) -> End {
        self.until_end_of(false).await
    }

    /// The same, over answers away if only errors are looked for.
    pub(super) async fn until_end_of(&mut self, errors_only: bool) -> End {
        loop {
            let Some((kind, _, stream, payload)) = self.next().await else { return End::Closed };
            match kind {
                // The first byte is `:status` with its value from the static table, 200 to 206.
                super::HEADERS if !errors_only => {
                    return if (0x88..=0x8a).contains(&payload[0]) { End::Answered } else { End::Refused };
                }
                super::RST_STREAM => return End::Reset(stream, number(&payload)),
                7 if number(&payload[4..]) != 0 => return End::GoAway(number(&payload[4..])),
                _ => {}
            }
        }
    }

    /// Whether the server answers the last ping.
    pub(super) async fn until_pong(&mut self) -> bool {
        while let Some((kind, flags, _, _)) = self.next().await {
            match kind {
                super::PING if flags & super::ACK != 0 => return true,
                7 => return false,
                _ => {}
            }
        }
        false
    }

    /// What the server sets.
    pub(super) async fn until_settings(&mut self) -> Vec<(u16, u32)> {
        loop {
            let (kind, flags, _, payload) = self.next().await.unwrap();
            if kind == super::SETTINGS && flags & super::ACK == 0 {
                let each = payload.chunks(6).map(|one| (u16::from_be_bytes([one[0], one[1]]), number(&one[2..])));
                return each.collect();
            }
        }
    }
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}
