//! A store with a million keys, made once and kept below the target folder.

use std::collections::BTreeMap;
use std::path::PathBuf;

use bitting_core::key::{KeyFormat, KeyId, PlaintextKey};
use bitting_core::name::Names;
use bitting_core::time::Timestamp;
use bitting_store::{Actor, Change, ChangeLog, Conditions, Entry, NewKey, Origin, OwnerLock, SqliteStore};
use serde_json::Map;

use crate::fixture;

pub(crate) const COUNT: usize = 1_000_000;

/// The store's file.
pub(crate) async fn store() -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("million/bitting.db");
    let lock = OwnerLock::acquire(&path).expect("nobody else uses it");
    let store = SqliteStore::open(lock).unwrap();
    let there = bitting_store::RingSource::key_count(&store).await.unwrap();
    if there != COUNT as u64 {
        assert_eq!(there, 0, "{} is half full; remove it", path.display());
        fill(&store).await;
    }
    path
}

async fn fill(store: &SqliteStore) {
    let format = fixture::shop(&Names::default(), &[]).format;
    let started = std::time::Instant::now();
    let mut batch = Vec::new();
    for (number, key) in keys().enumerate() {
        batch.push(entry(number, &format, &key));
        if batch.len() == 5_000 {
            for answer in store.append(std::mem::take(&mut batch)).await.unwrap() {
                answer.unwrap();
            }
        }
    }
    eprintln!("{COUNT} keys written in {:.1?}", started.elapsed());
}

fn entry(number: usize, format: &KeyFormat, key: &PlaintextKey) -> Entry {
    let at = Timestamp::from_millis(fixture::START + i64::try_from(number).unwrap());
    let new = NewKey {
        api: "shop".into(),
        id: KeyId::new(at, number as u128),
        digest: key.digest(),
        prefix: format.display_prefix(key),
        account: format!("account-{}", number % 10_000).parse().unwrap(),
        create_account: true,
        name: format!("key {number}"),
        description: String::new(),
        environment: "live".into(),
        role: Some(if number.is_multiple_of(5) { "boss" } else { "clerk" }.into()),
        permissions: vec!["things:read".parse().unwrap()],
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: BTreeMap::new(),
        metadata: Map::new(),
        expires_at: None,
        auto_renew: false,
        account_limit: None,
    };
    let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
    Entry { change: Change::CreateKey(Box::new(new)), origin, conditions: Conditions::default(), at }
}

/// The keys, the same each time: a benchmark has no secrets.
pub(crate) fn keys() -> impl Iterator<Item = PlaintextKey> {
    let format = fixture::shop(&Names::default(), &[]).format;
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut fill = move |buffer: &mut [u8]| {
        for chunk in buffer.chunks_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            chunk.copy_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()[..chunk.len()]);
        }
        Ok::<(), std::convert::Infallible>(())
    };
    (0..COUNT).filter_map(move |_| format.generate("live", &mut fill).unwrap_or_default())
}
