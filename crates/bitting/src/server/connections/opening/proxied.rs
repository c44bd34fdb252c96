//! The PROXY protocol: for whom a proxy brings a connection
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::io;
use std::net::SocketAddr;

use proxy_header::{ParseConfig, ProxyHeader};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// Why a connection does not begin as it must.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unproxied {
    /// It begins with something else.
    #[error("it does not begin with a PROXY header")]
    Missing,
    /// It begins with what is none.
    #[error("its PROXY header is malformed")]
    Malformed,
    /// It broke off.
    #[error(transparent)]
    Broken(#[from] io::Error),
}

/// What version 2 begins with.
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// The most bytes of a header of version 1.
const LONGEST_LINE: usize = 107;

/// The most bytes that may follow the beginning of version 2: addresses take 216 at most, the rest is what proxies add.
const LONGEST_BLOCK: usize = 4_096;

/// Reads the header that a connection begins with, and nothing behind it: the address of whoever speaks to the proxy. `None` if the
/// proxy speaks for itself, as when it asks whether the server is there.
pub(in super::super) async fn read_proxied(stream: &mut TcpStream) -> Result<Option<SocketAddr>, Unproxied> {
    let mut header = vec![0; SIGNATURE.len()];
    stream.read_exact(&mut header).await?;
    if header == SIGNATURE {
        let mut rest = [0; 4];
        stream.read_exact(&mut rest).await?;
        header.extend(rest);
        let length = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
        if length > LONGEST_BLOCK {
            return Err(Unproxied::Malformed);
        }
        let beginning = header.len();
        header.resize(beginning + length, 0);
        stream.read_exact(&mut header[beginning..]).await?;
    } else if header.starts_with(b"PROXY ") {
        // One byte at a time: it is not known where it ends, and what follows is not for us.
        while !header.ends_with(b"\r\n") {
            if header.len() >= LONGEST_LINE {
                return Err(Unproxied::Malformed);
            }
            header.push(stream.read_u8().await?);
        }
    } else {
        return Err(Unproxied::Missing);
    }
    let config = ParseConfig { include_tlvs: false, allow_v1: true, allow_v2: true };
    match ProxyHeader::parse(&header, config) {
        Ok((parsed, length)) if length == header.len() => Ok(parsed.proxied_address().map(|address| address.source)),
        Ok(_) | Err(_) => Err(Unproxied::Malformed),
    }
}
