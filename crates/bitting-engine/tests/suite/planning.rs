//! Accounts' plans and keys' own numbers: what a change must satisfy, and what a key that manages keys can hand on.

use std::collections::BTreeMap;

use bitting_core::key::{KeyId, PlaintextKey};
use bitting_core::limit::MOST;
use bitting_core::name::NameKind;
use bitting_engine::{
    Clock as _, CommitError, Decision, Holder, Inquiry, Issued, KeySpec, Overlap, Presented, Scope, Sheet, SheetFormat,
    preview_import,
};
use bitting_store::{AccountPatch, Actor, Change, Committed, Conditions, KeyPatch, NewAccount, Origin, Refusal};
use http::Method;

use super::fixture::{Fixture, patch, rename};

fn numbers(list: &[(&str, u64)]) -> BTreeMap<String, u64> {
    list.iter().map(|(name, number)| ((*name).to_owned(), *number)).collect()
}

fn spec(list: &[(&str, u64)]) -> KeySpec {
    KeySpec { account: Some("acme".parse().unwrap()), limits: numbers(list), ..KeySpec::default() }
}

fn limited(key: KeyId, list: &[(&str, u64)]) -> Change {
    patch(key, KeyPatch { limits: Some(numbers(list)), ..KeyPatch::default() })
}

fn account(plan: Option<&str>) -> Change {
    let plan = plan.map(str::to_owned);
    Change::CreateAccount(NewAccount { api: "shop".into(), id: "acme".parse().unwrap(), name: String::new(), plan })
}

fn planned(plan: Option<&str>) -> Change {
    let patch = AccountPatch { plan: Some(plan.map(str::to_owned)), ..AccountPatch::default() };
    Change::UpdateAccount { api: "shop".into(), account: "acme".parse().unwrap(), patch }
}

async fn decide(fixture: &Fixture, key: &PlaintextKey) -> Decision {
    let (method, presented) = (&Method::GET, Presented::Key(key.expose().as_bytes()));
    let inquiry = Inquiry { scope: Scope::Api("shop"), method, path: "/things", presented, client: None };
    fixture.engine.decide(&inquiry).await
}

async fn holder(fixture: &Fixture, key: &PlaintextKey) -> Holder {
    let Decision::Permit(permit) = decide(fixture, key).await else { panic!("it is refused") };
    fixture.engine.holder(&permit).await.unwrap().unwrap()
}

/// Makes a change as the holder of a key, whose row is read anew.
async fn as_holder(fixture: &Fixture, key: &PlaintextKey, change: &Change) -> Result<Committed, CommitError> {
    let holder = holder(fixture, key).await;
    let origin = Origin { actor: Actor::Key(holder.row().id), request_id: "req_test".into(), address: None };
    fixture.engine.submit_for(&holder, change, &origin, &Conditions::default()).await
}

fn is_too_much(done: &Result<Committed, CommitError>) -> bool {
    matches!(done, Err(CommitError::Exceeds(excess)) if excess.iter().all(|excess| excess.field == "limits"))
}

async fn rotation(fixture: &Fixture, key: KeyId) -> Issued {
    let row = fixture.engine.store().key("shop", key).await.unwrap().unwrap();
    let overlap = std::time::Duration::from_hours(1);
    let apis = fixture.engine.apis();
    Issued::successor(apis.find("shop").unwrap(), &row, Overlap::of(overlap), None, fixture.clock.now()).unwrap()
}

#[tokio::test]
async fn an_account_has_a_plan_of_its_apis_and_the_next_request_knows_it() {
    let fixture = Fixture::planned().await;
    for refused in [account(Some("gold")), planned(Some("gold")), planned(Some(""))] {
        let error = fixture.commit(refused).await.unwrap_err().to_string();
        assert!(error.starts_with("plan: ") && error.ends_with("is not a plan of shop; there are: free, paid"), "{error}");
    }
    fixture.commit(account(Some("paid"))).await.unwrap();
    let (key, _) = fixture.key(spec(&[])).await;
    let id = |name| Some(fixture.names.intern(NameKind::Plan, name));
    let plan = async || {
        let Decision::Permit(permit) = decide(&fixture, &key).await else { panic!("it is refused") };
        permit.key().unwrap().account.plan()
    };
    assert_eq!(plan().await, id("paid"));
    fixture.commit(planned(Some("free"))).await.unwrap();
    assert_eq!(plan().await, id("free"));
    fixture.commit(planned(None)).await.unwrap();
    assert_eq!(plan().await, None);
}

#[tokio::test]
async fn a_plan_and_own_numbers_are_known_again_after_a_restart() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(Some("paid"))).await.unwrap();
    let (key, id) = fixture.key(spec(&[("hour", 50)])).await;
    let (plain, _) = fixture.key(spec(&[])).await;
    fixture.commit(limited(id, &[("hour", 40)])).await.unwrap();
    let fixture = fixture.restart().await;
    let hour = fixture.names.intern(NameKind::Limit, "hour");
    let Decision::Permit(permit) = decide(&fixture, &key).await else { panic!("it is refused") };
    let record = permit.key().unwrap();
    assert_eq!(record.limits.as_ref().and_then(|limits| limits.get(hour)), Some(40));
    assert_eq!(record.account.plan(), Some(fixture.names.intern(NameKind::Plan, "paid")));
    let Decision::Permit(permit) = decide(&fixture, &plain).await else { panic!("it is refused") };
    assert!(permit.key().unwrap().limits.is_none());
}

#[tokio::test]
async fn an_own_number_is_for_a_limit_that_keys_have_and_can_have_an_effect() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(None)).await.unwrap();
    let (_, id) = fixture.key(spec(&[])).await;
    for (list, said) in [
        (vec![("minute", 5)], "limits: \"minute\" is not a limit that keys of shop have; there are: day, hour"),
        (vec![("", 5)], "limits: \"\" is not a limit that keys of shop have; there are: day, hour"),
        (vec![("shared", 5)], "limits: \"shared\" is shared by several keys, so none can have its own number"),
        (vec![("hour", 0)], "limits: write a number from 1 to 9007199254740992 for \"hour\""),
        (vec![("hour", MOST + 1)], "limits: write a number from 1 to 9007199254740992 for \"hour\""),
        (vec![("hour", 101)], "limits: keys of shop may not exceed their plan, and no plan has more than 100 for \"hour\""),
    ] {
        for change in [fixture.issue(spec(&list)).change, limited(id, &list)] {
            assert_eq!(fixture.commit(change).await.unwrap_err().to_string(), said);
        }
    }
    // More than the account's plan is stored: the account may have a better plan tomorrow.
    fixture.commit(limited(id, &[("hour", 100), ("day", 1)])).await.unwrap();
    let open = Fixture::exceeding().await;
    open.commit(account(None)).await.unwrap();
    let (_, id) = open.key(spec(&[("hour", MOST)])).await;
    assert!(matches!(open.commit(limited(id, &[("hour", MOST + 1)])).await, Err(CommitError::Invalid(_))));
}

#[tokio::test]
async fn a_key_held_to_a_number_hands_on_no_more_directly() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(Some("paid"))).await.unwrap();
    let (key, own) = fixture.key(spec(&[("hour", 50)])).await;
    for (list, exceeds) in [(vec![], true), (vec![("hour", 51)], true), (vec![("day", 5)], true), (vec![("hour", 50)], false)] {
        let done = as_holder(&fixture, &key, &fixture.issue(spec(&list)).change).await;
        assert_eq!((is_too_much(&done), done.is_ok()), (exceeds, !exceeds), "{list:?}: {done:?}");
    }
    // Another key, which is not held to it, is neither changed nor rotated nor enabled again, nor can it be narrowed.
    let (_, free) = fixture.key(spec(&[])).await;
    let switched = |enabled| patch(free, KeyPatch { enabled: Some(enabled), ..KeyPatch::default() });
    fixture.commit(switched(false)).await.unwrap();
    for change in [switched(true), rename(free, "mine"), limited(free, &[("hour", 5)]), rotation(&fixture, free).await.change] {
        assert!(is_too_much(&as_holder(&fixture, &key, &change).await), "{change:?}");
    }
    // Nor can it free itself.
    for list in [vec![], vec![("hour", 51)], vec![("day", 50)]] {
        assert!(is_too_much(&as_holder(&fixture, &key, &limited(own, &list)).await), "{list:?}");
    }
    as_holder(&fixture, &key, &limited(own, &[("hour", 49)])).await.unwrap();
    assert!(is_too_much(&as_holder(&fixture, &key, &limited(own, &[("hour", 50)])).await));
    // Whoever finds that it has leaked may end it.
    as_holder(&fixture, &key, &super::fixture::revoke(free)).await.unwrap();
}

#[tokio::test]
async fn two_steps_lead_no_further_than_one() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(Some("paid"))).await.unwrap();
    let (key, own) = fixture.key(spec(&[("hour", 50)])).await;
    let child = fixture.issue(spec(&[("hour", 20)]));
    let child_id = as_holder(&fixture, &key, &child.change).await.unwrap().keys[0].row.id;
    // A low number that is raised or removed afterwards.
    for list in [vec![], vec![("hour", 51)], vec![("day", 20)]] {
        assert!(is_too_much(&as_holder(&fixture, &key, &limited(child_id, &list)).await), "{list:?}");
    }
    // A child that makes what its maker could not, or what it cannot itself; or that raises itself or its maker.
    for change in [
        fixture.issue(spec(&[])).change,
        fixture.issue(spec(&[("hour", 21)])).change,
        limited(child_id, &[("hour", 21)]),
        limited(child_id, &[]),
        limited(own, &[]),
        limited(own, &[("hour", 20)]),
    ] {
        assert!(is_too_much(&as_holder(&fixture, &child.key, &change).await), "{change:?}");
    }
    // A rotation keeps the number, of the child and of the maker, and the successors are held to it.
    let rotated = rotation(&fixture, child_id).await;
    let successor = as_holder(&fixture, &key, &rotated.change).await.unwrap().keys[0].row.clone();
    assert_eq!(successor.limits, numbers(&[("hour", 20)]));
    assert!(is_too_much(&as_holder(&fixture, &rotated.key, &limited(successor.id, &[])).await));
    let rotated = rotation(&fixture, own).await;
    as_holder(&fixture, &key, &rotated.change).await.unwrap();
    assert!(is_too_much(&as_holder(&fixture, &rotated.key, &fixture.issue(spec(&[])).change).await));
    // What is read before the key is narrowed does not outlive it.
    let before = holder(&fixture, &rotated.key).await;
    fixture.commit(limited(before.row().id, &[("hour", 5)])).await.unwrap();
    let origin = Origin { actor: Actor::Key(before.row().id), request_id: "req_test".into(), address: None };
    let change = fixture.issue(spec(&[("hour", 50)])).change;
    let late = fixture.engine.submit_for(&before, &change, &origin, &Conditions::default()).await;
    assert!(matches!(late, Err(CommitError::Refused(Refusal::Changed(_)))), "{late:?}");
}

#[tokio::test]
async fn a_key_held_to_its_plan_hands_on_no_more_than_the_plan_where_numbers_could_be_higher() {
    let fixture = Fixture::exceeding().await;
    fixture.commit(account(None)).await.unwrap();
    let (key, own) = fixture.key(spec(&[])).await;
    for change in
        [fixture.issue(spec(&[("hour", 11)])).change, fixture.issue(spec(&[("day", 1)])).change, limited(own, &[("hour", 11)])]
    {
        assert!(is_too_much(&as_holder(&fixture, &key, &change).await), "{change:?}");
    }
    let (_, strong) = fixture.key(spec(&[("hour", 500)])).await;
    for change in [rename(strong, "mine"), rotation(&fixture, strong).await.change] {
        assert!(is_too_much(&as_holder(&fixture, &key, &change).await), "{change:?}");
    }
    as_holder(&fixture, &key, &fixture.issue(spec(&[("hour", 10)])).change).await.unwrap();
    // The plan in force counts.
    fixture.commit(planned(Some("paid"))).await.unwrap();
    as_holder(&fixture, &key, &fixture.issue(spec(&[("hour", 100), ("day", 1)])).change).await.unwrap();
}

#[tokio::test]
async fn a_new_key_of_which_nothing_is_said_takes_its_makers_numbers() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(Some("paid"))).await.unwrap();
    let (key, _) = fixture.key(spec(&[("hour", 50), ("day", 70)])).await;
    let mut wanted = spec(&[("hour", 20)]);
    holder(&fixture, &key).await.fill_in(&mut wanted, &fixture.engine.apis());
    assert_eq!(wanted.limits, numbers(&[("hour", 20), ("day", 70)]));
    as_holder(&fixture, &key, &fixture.issue(wanted).change).await.unwrap();
}

#[tokio::test]
async fn an_imported_key_is_held_to_the_numbers_of_its_row() {
    let fixture = Fixture::planned().await;
    let apis = fixture.engine.apis();
    let shop = apis.find("shop").unwrap();
    let hash = |digit: &str| digit.repeat(64);
    let lines = format!("{{\"hash\": \"{}\", \"limits\": {{\"hour\": 7, \"day\": 70}}}}", hash("a"));
    let table = format!("hash,limits.hour,limits.day\n{},7,70\n", hash("b"));
    for (text, format) in [(&lines, SheetFormat::JsonLines), (&table, SheetFormat::Csv)] {
        let sheet = Sheet::read(text.as_bytes(), format, shop, fixture.clock.now()).unwrap();
        assert!(sheet.problems.is_empty(), "{:?}", sheet.problems);
        for part in sheet.parts {
            let key = fixture.commit(part.change("shop", "imp_1")).await.unwrap().keys.remove(0);
            assert_eq!(key.row.limits, numbers(&[("hour", 7), ("day", 70)]));
        }
    }
    for wrong in ["{\"limits\": {\"minute\": 7}}", "{\"limits\": {\"hour\": 0}}", "{\"limits\": {\"hour\": 101}}"] {
        let row = wrong.replacen('{', &format!("{{\"hash\": \"{}\", ", hash("c")), 1);
        let sheet = Sheet::read(row.as_bytes(), SheetFormat::JsonLines, shop, fixture.clock.now()).unwrap();
        let [part] = &sheet.parts[..] else { panic!("{:?}", sheet.problems) };
        let found = preview_import(fixture.engine.store(), &apis, "shop", part.keys(), fixture.clock.now()).await.unwrap();
        assert_eq!(found[0].violations[0].field, "limits", "{row}");
        assert!(!found[0].violations[0].message.contains("minute"), "what stands in a row is not repeated");
    }
}

#[tokio::test]
async fn a_holder_changes_no_plan() {
    let fixture = Fixture::planned().await;
    fixture.commit(account(None)).await.unwrap();
    let (key, _) = fixture.key(spec(&[])).await;
    for change in [planned(Some("paid")), planned(None)] {
        let done = as_holder(&fixture, &key, &change).await;
        assert!(matches!(done, Err(CommitError::Refused(Refusal::NotYours))), "{done:?}");
    }
}
