//! Accounts' plans, and keys' own numbers for the limits of them.

use std::collections::BTreeMap;

use bitting_core::key::KeyHash;
use bitting_core::record::Sequence;
use bitting_store::{AccountPatch, AccountRow, Change, ImportedKey, KeyPatch, KeyRow, RingRow};
use serde_json::{Value, json};

use super::super::fixture::{API, at, digest, id, import, imported, new_account, new_key, rotate, suspend, update};
use super::Case;

fn planned(plan: Option<&str>) -> Change {
    let patch = AccountPatch { plan: Some(plan.map(str::to_owned)), ..AccountPatch::default() };
    Change::UpdateAccount { api: API.into(), account: "acme".parse().unwrap(), patch }
}

fn numbers(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

fn limited(number: u8, list: &[(&str, u64)]) -> Change {
    update(number, KeyPatch { limits: Some(numbers(list)), ..KeyPatch::default() })
}

async fn account(case: &Case) -> AccountRow {
    case.store.account(API, &"acme".parse().unwrap()).await.unwrap().unwrap()
}

pub(super) async fn an_account_gets_a_plan_keeps_it_and_loses_it(case: Case) {
    let Change::CreateAccount(mut new) = new_account("acme") else { unreachable!() };
    new.plan = Some("paid".into());
    case.append(1, Change::CreateAccount(new)).await.unwrap();
    case.append(2, suspend("acme")).await.unwrap();
    assert_eq!(account(&case).await.plan.as_deref(), Some("paid"), "what is not named stays");
    let committed = case.append(3, planned(Some("free"))).await.unwrap();
    assert_eq!(committed.accounts[0], account(&case).await);
    assert_eq!(case.store.ring_accounts().await.unwrap()[0].plan.as_deref(), Some("free"));
    case.append(4, planned(None)).await.unwrap();
    assert_eq!(account(&case).await.plan, None);
    let audit = case.store.audit(Sequence(2), 9).await.unwrap();
    let told: Vec<Value> = audit.iter().map(|row| json!([row.before["plan"], row.after["plan"]])).collect();
    assert_eq!(told, [json!(["paid", "free"]), json!(["free", null])]);
}

pub(super) async fn a_keys_own_numbers_are_replaced_together_and_go_to_its_successor(case: Case) {
    let case = case.filled().await;
    let Change::CreateKey(mut new) = new_key(3, "acme") else { unreachable!() };
    new.limits = numbers(&[("hour", 50), ("day", 1 << 53)]);
    case.append(20, Change::CreateKey(new.clone())).await.unwrap();
    let read = async |number| case.store.key(API, id(number)).await.unwrap().unwrap().limits;
    assert_eq!((read(3).await, read(1).await), (new.limits.clone(), BTreeMap::new()));
    let ring: Vec<RingRow> = case.ring().await;
    assert_eq!(ring.iter().map(|row| row.limits.len()).collect::<Vec<_>>(), [0, 0, 2]);
    case.append(21, update(3, KeyPatch { name: Some("x".into()), ..KeyPatch::default() })).await.unwrap();
    assert_eq!(read(3).await, new.limits);
    case.append(22, limited(3, &[("hour", 40)])).await.unwrap();
    assert_eq!(read(3).await, numbers(&[("hour", 40)]));
    let committed = case.append(23, rotate(3, 4, Some(500))).await.unwrap();
    assert_eq!(committed.keys[0].row.limits, numbers(&[("hour", 40)]));
    assert_eq!((read(4).await, read(3).await), (numbers(&[("hour", 40)]), numbers(&[("hour", 40)])));
    case.append(24, limited(4, &[])).await.unwrap();
    assert_eq!(read(4).await, BTreeMap::new());
    let last = case.store.audit(Sequence(7), 9).await.unwrap().remove(0);
    assert_eq!((&last.before["limits"], &last.after["limits"]), (&json!({"hour": 40}), &json!({})));
}

pub(super) async fn an_imported_key_brings_its_own_numbers_and_they_are_exported(case: Case) {
    let key = ImportedKey { limits: numbers(&[("hour", 7)]), ..imported(1, KeyHash::Sha256(digest(1))) };
    case.append(1, import([key])).await.unwrap();
    assert_eq!(case.ring().await[0].limits, numbers(&[("hour", 7)]));
    assert_eq!(case.store.stored_keys(API, None, 9).await.unwrap()[0].row.limits, numbers(&[("hour", 7)]));
}

#[test]
fn rows_from_before_there_were_plans_are_still_read() {
    let account = json!({"api": API, "id": "acme", "name": "", "enabled": true, "created_at": at(1), "updated_at": at(1),
        "sequence": 1});
    assert_eq!(serde_json::from_value::<AccountRow>(account).unwrap().plan, None);
    let key = json!({"id": id(1), "api": API, "account": "acme", "name": "", "description": "", "prefix": "", "environment": "",
        "role": null, "permissions": [], "capabilities": [], "allowed_addresses": null, "metadata": {}, "enabled": true,
        "created_at": at(1), "created_by": "system", "updated_at": at(1), "expires_at": null, "revoked_at": null,
        "replaced_by": null, "replaces": null, "sequence": 1});
    assert_eq!(serde_json::from_value::<KeyRow>(key).unwrap().limits, BTreeMap::new());
}

#[test]
fn a_patch_tells_a_plan_that_is_taken_away_from_one_that_is_not_mentioned() {
    for patch in [
        AccountPatch::default(),
        AccountPatch { plan: Some(None), ..AccountPatch::default() },
        AccountPatch { plan: Some(Some("paid".into())), ..AccountPatch::default() },
    ] {
        assert_eq!(serde_json::from_value::<AccountPatch>(json!(patch)).unwrap(), patch);
    }
}
