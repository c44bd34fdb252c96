//! What survives when the power goes: SIGKILL cannot show it, because the kernel keeps what a dead process wrote. Here
//! SQLite runs on a disk of our own, which at the cut forgets any part of what was written since the last sync.

mod disk;

use std::collections::BTreeMap;

use bitting_store::{ChangeLog, KeyReader, OwnerLock, SqliteStore};

use self::disk::Disk;
use super::fixture::{API, entry, id, new_account, new_key, revoke};

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
