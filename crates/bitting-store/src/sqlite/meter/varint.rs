//! Numbers in as few bytes as they need: seven bits to a byte, the lowest first (as in LEB128).

/// Writes a number at the end of a blob.
pub(super) fn push(blob: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        if value < 0x80 {
            return blob.push(low);
        }
        blob.push(low | 0x80);
        value >>= 7;
    }
}

/// The varint at the beginning of a blob, which is cut off; `None` if it does not end or is more than 64 bits.
pub(super) fn take(blob: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for position in 0..10 {
        let (&byte, rest) = blob.split_first()?;
        *blob = rest;
        let bits = u64::from(byte & 0x7F);
        let shifted = bits << (7 * position);
        if shifted >> (7 * position) != bits {
            return None;
        }
        value |= shifted;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}
