//! What survives when the power goes: SIGKILL cannot show it, because the kernel keeps what a dead process wrote. Here
//! SQLite runs on a disk of our own, which at the cut forgets any part of what was written since the last sync.

mod disk;

use std::collections::BTreeMap;

use bitting_store::{ChangeLog, Holder, KeyReader, MeterLog, OwnerLock, Purchase, SqliteStore, StoreErrorKind, Whose, Window};

use self::disk::Disk;
use super::fixture::{API, at, entry, id, new_account, new_key, revoke};

fn open(disk: &Disk, folder: &std::path::Path) -> SqliteStore {
    let lock = OwnerLock::acquire(&folder.join("bitting.db")).unwrap();
    SqliteStore::open_through(lock, disk.name()).unwrap()
}

#[tokio::test]
async fn every_acknowledged_change_survives_a_loss_of_power_at_any_write() {
    let folder = tempfile::tempdir().unwrap();
    // How many writes and syncs a whole run takes, so that each of them can be the last one before the cut.
    let whole = Disk::new("uncut", u64::MAX, 0);
    let (_, acknowledged) = run(&whole, folder.path()).await;
    assert_eq!(acknowledged.len(), 20);
    let operations = whole.operations();
    assert!(operations > 100, "{operations} writes and syncs");
    let mut cut_in_the_middle = 0;
    for cut in (1..operations).step_by(3) {
        let disk = Disk::new(&format!("cut-{cut}"), cut, cut);
        let (made, acknowledged) = run(&disk, folder.path()).await;
        disk.lose_power();
        cut_in_the_middle += u32::from(!acknowledged.is_empty() && acknowledged.len() < 20);
        if !made {
            continue;
        }
        let store = open(&disk, folder.path());
        for (number, revoked) in acknowledged {
            let key = store.key(API, id(number)).await.unwrap();
            let key = key.unwrap_or_else(|| panic!("cut after {cut}: key {number} was acknowledged and is gone"));
            assert!(!revoked || key.revoked_at.is_some(), "cut after {cut}: the revocation of {number} is gone");
        }
        // It goes on working.
        store.append(vec![entry(99, new_key(200, "acme"))]).await.unwrap().remove(0).unwrap();
    }
    assert!(cut_in_the_middle > 20, "only {cut_in_the_middle} cuts fell between acknowledged changes");
}

/// Makes an account and ten keys and revokes every key, until the disk fails. Returns whether the store could be made, and
/// what was acknowledged: keys, and whether their revocation was.
async fn run(disk: &Disk, folder: &std::path::Path) -> (bool, BTreeMap<u8, bool>) {
    let mut acknowledged = BTreeMap::new();
    let lock = OwnerLock::acquire(&folder.join("bitting.db")).unwrap();
    let Ok(store) = SqliteStore::open_through(lock, disk.name()) else { return (false, acknowledged) };
    let Ok(_) = store.append(vec![entry(1, new_account("acme"))]).await else { return (false, acknowledged) };
    for number in 1..=20 {
        if store.append(vec![entry(2, new_key(number, "acme"))]).await.is_err() {
            break;
        }
        acknowledged.insert(number, false);
        if store.append(vec![entry(3, revoke(number))]).await.is_err() {
            break;
        }
        acknowledged.insert(number, true);
    }
    (true, acknowledged)
}

#[tokio::test]
async fn what_was_bought_is_all_there_after_a_loss_of_power_and_nothing_else_unless_that_was_left_open() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Disk::new("buying-uncut", u64::MAX, 0);
    assert_eq!(buy_blocks(&whole, folder.path()).await, (200, None));
    let (mut in_the_middle, mut taken_unawares) = (0, 0);
    // What the disk keeps of what it was not told to keep is another thing each time.
    for (cut, seed) in (1..whole.operations()).flat_map(|cut| [(cut, cut), (cut, cut + 100_000)]) {
        let disk = Disk::new(&format!("buying-cut-{cut}-{seed}"), cut, seed);
        let (acknowledged, error) = buy_blocks(&disk, folder.path()).await;
        disk.lose_power();
        if acknowledged == 0 {
            continue;
        }
        let kept = open(&disk, folder.path()).buy(vec![purchase(0)]).await.unwrap()[0].before;
        in_the_middle += u32::from(acknowledged < 200);
        taken_unawares += u32::from(kept > acknowledged);
        let is_known = error != Some(StoreErrorKind::OutcomeUnknown);
        let sound = if is_known { acknowledged..=acknowledged } else { acknowledged..=acknowledged + 10 };
        assert!(sound.contains(&kept), "cut after {cut}: {kept} of {acknowledged}, {error:?}");
    }
    assert!(in_the_middle > 30 && taken_unawares > 0, "{in_the_middle} cuts in the middle, {taken_unawares} taken unawares");
}

/// Buys twenty blocks until the disk fails, and returns what is acknowledged as bought and how it failed.
async fn buy_blocks(disk: &Disk, folder: &std::path::Path) -> (u64, Option<StoreErrorKind>) {
    let lock = OwnerLock::acquire(&folder.join("bitting.db")).unwrap();
    let Ok(store) = SqliteStore::open_through(lock, disk.name()) else { return (0, None) };
    let mut acknowledged = 0;
    for _ in 0..20 {
        match store.buy(vec![purchase(10)]).await {
            Ok(bought) => acknowledged = bought[0].now,
            Err(error) => return (acknowledged, Some(error.kind())),
        }
    }
    (acknowledged, None)
}

fn purchase(more: u64) -> Purchase {
    let holder = Holder { api: API.into(), environment: "live".into(), whose: Whose::Key(id(1)) };
    let window = Window { holder, limit: "monthly".into(), start: at(0), end: at(1_000) };
    Purchase { window, more, at_most: 1_000 }
}
