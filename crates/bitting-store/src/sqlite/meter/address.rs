//! Addresses as their 4 or 16 bytes.

use std::net::IpAddr;

use super::super::error::damaged;
use crate::error::StoreError;

pub(super) fn address_column(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

pub(super) fn address_of(bytes: &[u8]) -> Result<IpAddr, StoreError> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).map_err(|error| damaged("an address", error))
}
