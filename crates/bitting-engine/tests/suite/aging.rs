//! What time does to keys: they are told of, renewed, and ended when nobody needs them.

use std::sync::Arc;
use std::time::Duration;

use bitting_core::api::{Api, Lifecycle};
use bitting_core::key::{Digest, KeyHash, KeyId, PlaintextKey};
use bitting_core::limit::{Plan, Plans};
use bitting_core::name::Names;
use bitting_core::time::Timestamp;
use bitting_engine::{Clock as _, Issued, KeySpec, Overlap};
use bitting_store::{
    AccountPatch, Actor, Change, Conditions, Entry, EventRow, ImportedKey, KeyPatch, KeyRow, NewAccount, NewKey, Origin, Store,
};
use serde_json::{Value, json};

use super::fixture::{Fixture, START, patch, rename, revoke, shop};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

/// The plan `paid` lets keys renew themselves; `live` keys are overdue after 90 days, `test` keys after 180.
fn aging(names: &Names) -> Api {
    let plan = |name| Plan::new(name, Vec::new(), names);
    let lifecycle = Lifecycle { rotation_of: Lifecycle::usual_rotation(&["live", "test"]), ..Lifecycle::default() };
    let plans = Plans::new(plan("free"), vec![plan("paid").renewing(true)], false);
    Api { plans, lifecycle, ..shop(names, &["clerk", "boss"]) }
}

async fn fixture() -> Fixture {
    let fixture = Fixture::of(|store| store, aging).await;
    for (id, plan) in [("payer", Some("paid")), ("saver", None)] {
        let plan = plan.map(str::to_owned);
        let account = NewAccount { api: "shop".into(), id: id.parse().unwrap(), name: String::new(), plan };
        fixture.commit(Change::CreateAccount(account)).await.unwrap();
    }
    fixture
}

impl Fixture {
    /// Lets time pass, and what is due then be done.
    async fn after(&self, time: Duration) -> &Self {
        self.clock.advance(time);
        self.engine.see_to_keys().await.unwrap();
        self
    }

    fn days(&self) -> u64 {
        self.clock.now().since(Timestamp::from_millis(START)).as_secs() / DAY.as_secs()
    }

    /// What was told of a key for its age, by name, with the days that its data says.
    async fn told(&self, key: KeyId) -> Vec<String> {
        self.told_events(key).await.iter().map(words).collect()
    }

    async fn told_events(&self, key: KeyId) -> Vec<EventRow> {
        let mut events = self.engine.store().events_after(0, 10_000).await.unwrap();
        events.retain(|event| event.key == Some(key) && !words(event).is_empty());
        events
    }

    async fn row(&self, key: KeyId) -> KeyRow {
        self.engine.store().key("shop", key).await.unwrap().unwrap()
    }

    /// A key of an account that lives for so long and renews itself.
    async fn renewing(&self, account: &str, term: Duration) -> (PlaintextKey, KeyId) {
        let expires_at = Some(self.clock.now().plus(term));
        let spec = KeySpec { auto_renew: Some(true), expires_at, ..KeySpec::default() };
        self.key_of(account, spec).await
    }

    async fn lasting(&self, term: Duration) -> (PlaintextKey, KeyId) {
        self.key(KeySpec { expires_at: Some(self.clock.now().plus(term)), ..KeySpec::default() }).await
    }

    async fn ends_at(&self, key: KeyId) -> Duration {
        self.row(key).await.expires_at.unwrap().since(Timestamp::from_millis(START))
    }

    async fn put_on(&self, account: &str, plan: &str) {
        let patch = AccountPatch { plan: Some(Some(plan.to_owned())), ..AccountPatch::default() };
        self.commit(Change::UpdateAccount { api: "shop".into(), account: account.parse().unwrap(), patch }).await.unwrap();
    }

    /// Rotates a key with an overlap of a week, which ends when the old key was unused for an hour.
    async fn rotate(&self, key: KeyId) -> (PlaintextKey, KeyId) {
        let overlap = Overlap { length: 7 * DAY, end_when_unused_for: Some(Some(HOUR)) };
        let (apis, row) = (self.engine.apis(), self.row(key).await);
        let made = Issued::successor(apis.find("shop").unwrap(), &row, overlap, None, self.clock.now()).unwrap();
        let committed = self.commit(made.change).await.unwrap();
        (made.key, committed.keys[0].row.id)
    }
}

fn words(event: &EventRow) -> String {
    let data = &event.data;
    match event.kind.name() {
        "key.expiring" => format!("expiring in {}", data["days_left"]),
        "key.overdue" => format!("overdue at {}", data["age_days"]),
        "key.unused" => format!("unused for {}", data["unused_days"]),
        "key.expired" => "expired".to_owned(),
        "key.renewed" => "renewed".to_owned(),
        _ => String::new(),
    }
}

#[tokio::test]
async fn the_end_of_a_key_is_told_30_7_and_1_day_before_once_each_across_restarts() {
    let mut fixture = fixture().await;
    let (_, key) = fixture.lasting(100 * DAY).await;
    let mut days = Vec::new();
    let mut told = 0;
    for day in 1..=102 {
        if day % 3 == 0 {
            fixture = fixture.restart().await;
        }
        let now = fixture.after(DAY).await.told(key).await;
        days.extend(now[told..].iter().map(|words| format!("{day}: {words}")));
        told = now.len();
    }
    let expected = ["70: expiring in 30", "93: expiring in 7", "99: expiring in 1", "100: expired"];
    days.retain(|words| !words.contains("unused") && !words.contains("overdue"));
    assert_eq!(days, expected);
}

#[tokio::test]
async fn a_step_of_the_clock_over_forty_days_tells_only_what_is_true_after_it() {
    let fixture = fixture().await;
    let mut keys = Vec::new();
    for days in [35, 41, 45, 65, 100] {
        keys.push(fixture.lasting(days * DAY).await.1);
    }
    fixture.after(40 * DAY).await;
    let mut told = Vec::new();
    for key in keys {
        told.push(fixture.told(key).await.join(", "));
    }
    assert_eq!(told, ["expired", "expiring in 1", "expiring in 5", "expiring in 25", ""]);
}

#[tokio::test]
async fn a_key_that_lives_for_less_is_told_of_when_it_is_made_and_one_that_is_given_another_end_when_it_is() {
    let fixture = fixture().await;
    let (_, month) = fixture.lasting(20 * DAY).await;
    let (_, hours) = fixture.lasting(5 * HOUR).await;
    let (_, changed) = fixture.lasting(300 * DAY).await;
    fixture.after(Duration::ZERO).await;
    assert_eq!(fixture.told(month).await, ["expiring in 20"]);
    assert_eq!(fixture.told(hours).await, ["expiring in 0"]);
    let sooner = KeyPatch { expires_at: Some(Some(fixture.clock.now().plus(5 * DAY))), ..KeyPatch::default() };
    fixture.commit(patch(changed, sooner)).await.unwrap();
    assert_eq!(fixture.after(HOUR).await.told(changed).await, ["expiring in 5"]);
    fixture.commit(rename(changed, "another")).await.unwrap();
    assert_eq!(fixture.after(HOUR).await.told(changed).await, ["expiring in 5"], "nothing new of its end");
}

#[tokio::test]
async fn pa13_a_key_renews_a_day_before_its_end_by_its_own_period_and_no_request_fails_across_it() {
    let mut fixture = fixture().await;
    let (key, id) = fixture.renewing("payer", 90 * DAY).await;
    let mut renewed = Vec::new();
    for day in 1..=400 {
        // By hours where something happens, and by five days elsewhere.
        let steps = match day {
            day if (88..=89).contains(&(day % 90)) => 8,
            day if day % 5 == 0 => 1,
            _ => {
                fixture.clock.advance(DAY);
                continue;
            }
        };
        for _ in 0..steps {
            fixture.after(DAY / steps).await;
            assert_eq!(fixture.get(&key), "admitted", "on day {day}");
        }
        if day % 40 == 0 {
            fixture = fixture.restart().await;
        }
        if fixture.told(id).await.iter().filter(|words| *words == "renewed").count() > renewed.len() {
            renewed.push((fixture.days(), fixture.ends_at(id).await.as_secs() / DAY.as_secs()));
        }
    }
    assert_eq!(renewed, [(89, 180), (179, 270), (269, 360), (359, 450)]);
    let first = fixture.told_events(id).await.remove(0);
    let (end, renews_at) = (Timestamp::from_millis(START).plus(90 * DAY), Timestamp::from_millis(START).plus(89 * DAY));
    let said = ["expires_at", "days_left", "renews_at", "not_renewed_because"].map(|field| first.data[field].clone());
    assert_eq!(said, [json!(end), json!(30), json!(renews_at), Value::Null]);
    assert_eq!(first.at, Timestamp::from_millis(START).plus(60 * DAY), "30 days before");
    assert!(!fixture.told(id).await.iter().any(|words| words.contains("in 1")), "it was renewed by then");
}

#[tokio::test]
async fn a_renewal_that_is_not_allowed_when_it_is_due_does_not_happen_and_that_is_told_before() {
    let fixture = fixture().await;
    let (saver, of_saver) = fixture.renewing("saver", 40 * DAY).await;
    let (late, of_late) =
        fixture.key_of("late", KeySpec { expires_at: Some(fixture.clock.now().plus(40 * DAY)), ..KeySpec::default() }).await;
    let (off, of_off) = fixture.renewing("payer", 40 * DAY).await;
    let (old, of_old) = fixture.renewing("payer", 40 * DAY).await;
    fixture.commit(patch(of_late, KeyPatch { auto_renew: Some(true), ..KeyPatch::default() })).await.unwrap();
    fixture.commit(patch(of_off, KeyPatch { enabled: Some(false), ..KeyPatch::default() })).await.unwrap();
    let new = fixture.rotate(of_old).await;
    fixture.after(11 * DAY).await;
    assert_eq!(fixture.told_events(of_saver).await[0].data["not_renewed_because"], "plan");
    assert!(fixture.row(new.1).await.auto_renew, "a successor is as its predecessor was");
    assert_eq!(fixture.get(&old), "expired_key", "the overlap is over");
    let (slow, _) = fixture.renewing("slow", 29 * DAY).await;
    // The renewal is due, and nobody may; then one account gets the plan before the end, and one after it.
    fixture.after(28 * DAY).await.after(12 * HOUR).await;
    fixture.put_on("late", "paid").await;
    fixture.after(6 * HOUR).await;
    fixture.clock.advance(7 * HOUR);
    // Nobody has looked since it ended, but it could not renew when it was time.
    fixture.put_on("slow", "paid").await;
    fixture.after(Duration::ZERO).await;
    assert_eq!(fixture.get(&slow), "expired_key");
    assert_eq!((fixture.get(&saver), fixture.get(&late)), ("expired_key".to_owned(), "admitted".to_owned()));
    assert_eq!(fixture.ends_at(of_late).await, 80 * DAY);
    fixture.put_on("saver", "paid").await;
    fixture.commit(patch(of_off, KeyPatch { enabled: Some(true), ..KeyPatch::default() })).await.unwrap();
    fixture.after(DAY).await;
    let fixture = fixture.restart_after(DAY).await;
    fixture.after(DAY).await;
    assert_eq!([fixture.get(&saver), fixture.get(&off)], ["expired_key", "expired_key"], "what has ended has ended");
}

#[tokio::test]
async fn a_key_whose_renewal_came_while_nobody_ran_is_renewed_before_the_first_request() {
    let fixture = fixture().await;
    let (key, id) = fixture.renewing("payer", 90 * DAY).await;
    fixture.after(50 * DAY).await;
    let fixture = fixture.restart_after(45 * DAY).await;
    assert_eq!((fixture.get(&key), fixture.ends_at(id).await), ("admitted".to_owned(), 180 * DAY));
    let fixture = fixture.restart_after(300 * DAY).await;
    assert_eq!((fixture.get(&key), fixture.ends_at(id).await), ("admitted".to_owned(), 450 * DAY), "missed terms are over");
    // The clock jumps while it runs.
    fixture.after(100 * DAY).await;
    assert_eq!((fixture.get(&key), fixture.ends_at(id).await), ("admitted".to_owned(), 540 * DAY));
    assert_eq!(fixture.told(id).await.iter().filter(|words| *words == "renewed").count(), 3);
}

#[tokio::test]
async fn a_key_that_lives_for_an_hour_renews_six_minutes_before_its_end() {
    let fixture = fixture().await;
    let (key, id) = fixture.renewing("payer", HOUR).await;
    let minutes = Duration::from_mins;
    fixture.after(minutes(53)).await;
    assert_eq!(fixture.ends_at(id).await, HOUR);
    fixture.after(minutes(1)).await;
    assert_eq!(fixture.ends_at(id).await, 2 * HOUR);
    for _ in 0..20 {
        fixture.after(minutes(10)).await;
        assert_eq!(fixture.get(&key), "admitted");
    }
    assert_eq!(fixture.ends_at(id).await, 5 * HOUR);
    // Whoever gives it another end says how long it lives from then on.
    let end = fixture.clock.now().plus(10 * HOUR);
    fixture.commit(patch(id, KeyPatch { expires_at: Some(Some(end)), ..KeyPatch::default() })).await.unwrap();
    fixture.after(9 * HOUR).await;
    assert_eq!(fixture.row(id).await.expires_at, Some(end.plus(10 * HOUR)));
}

#[tokio::test]
async fn pa18_an_overlap_ends_by_itself_once_the_new_key_is_used_and_the_old_one_is_not() {
    let fixture = fixture().await;
    let (old, id) = fixture.key(KeySpec::default()).await;
    assert_eq!(fixture.get(&old), "admitted");
    let (new, _) = fixture.rotate(id).await;
    fixture.after(5 * HOUR).await;
    assert_eq!(fixture.get(&old), "admitted", "nobody has moved yet");
    assert_eq!(fixture.get(&new), "admitted");
    fixture.after(Duration::from_mins(59)).await;
    assert_eq!(fixture.get(&old), "admitted", "somebody still uses it");
    fixture.after(Duration::from_mins(59)).await;
    assert!(fixture.row(id).await.revoked_at.is_none());
    let fixture = fixture.restart().await;
    fixture.after(Duration::from_mins(1)).await;
    assert_eq!((fixture.get(&old), fixture.get(&new)), ("revoked_key".to_owned(), "admitted".to_owned()));
    let events = fixture.engine.store().events_after(0, 1_000).await.unwrap();
    let ended = events.iter().find(|event| event.kind.name() == "key.revoked").unwrap();
    assert_eq!((ended.key, ended.data["by"].as_str()), (Some(id), Some("system")));
}

#[tokio::test]
async fn pa18_keys_that_are_old_and_keys_that_nobody_uses_are_told_of_once_for_each_time_they_are_so() {
    let mut fixture = fixture().await;
    let (live, of_live) = fixture.key(KeySpec::default()).await;
    let (test, of_test) = fixture.key(KeySpec { environment: Some("test".to_owned()), ..KeySpec::default() }).await;
    let (_, idle) = fixture.key(KeySpec::default()).await;
    for _ in 0..10 {
        // What was just used stands in no store yet.
        assert_eq!([fixture.get(&live), fixture.get(&test)], ["admitted", "admitted"]);
        fixture.after(40 * DAY).await;
        fixture = fixture.restart().await;
    }
    assert_eq!(fixture.told(of_live).await, ["overdue at 120"]);
    assert_eq!(fixture.told(of_test).await, ["overdue at 200"]);
    assert_eq!(fixture.told(idle).await, ["overdue at 120", "unused for 120"]);
    fixture.after(60 * DAY).await;
    assert_eq!(fixture.told(of_live).await, ["overdue at 120", "unused for 100"]);
    assert_eq!(fixture.get(&live), "admitted");
    fixture.after(89 * DAY).await;
    assert_eq!(fixture.told(of_live).await.len(), 2);
    fixture.after(2 * DAY).await;
    assert_eq!(fixture.told(of_live).await, ["overdue at 120", "unused for 100", "unused for 91"]);
}

#[tokio::test]
async fn what_was_so_before_anybody_looked_and_what_comes_so_by_an_import_is_not_told() {
    let old = |store: Arc<dyn Store>| {
        let filled = Arc::clone(&store);
        // As an earlier version left it: nobody has looked yet.
        let fill = move || tokio::runtime::Runtime::new().unwrap().block_on(fill_with_old_keys(&*filled));
        std::thread::spawn(fill).join().unwrap();
        store
    };
    let fixture = Fixture::of(old, aging).await;
    // One that is old, one that has ended, and one that ends in five days.
    let ends = |days: u32| Some(Timestamp::from_millis(START).plus(days * DAY));
    let keys = [(11, None), (12, Some(Timestamp::from_millis(9))), (13, ends(5))];
    let keys = keys.map(|(number, expires_at)| imported_key(number, expires_at));
    fixture.commit(Change::ImportKeys { api: "shop".into(), import: "imp_1".into(), keys: keys.into() }).await.unwrap();
    fixture.after(HOUR).await;
    let mut told = Vec::new();
    for number in 11..=13 {
        told.push(fixture.told(KeyId::new(Timestamp::from_millis(1), number)).await.join(", "));
    }
    assert_eq!(told, ["", "", "expiring in 5"]);
    assert_eq!(fixture.told(KeyId::new(Timestamp::from_millis(1), 1)).await, [""; 0]);
    // From now on everything is.
    fixture.after(23 * DAY).await;
    assert_eq!(fixture.told(KeyId::new(Timestamp::from_millis(1), 2)).await, ["expiring in 7"]);
}

fn imported_key(number: u8, expires_at: Option<Timestamp>) -> ImportedKey {
    ImportedKey {
        id: KeyId::new(Timestamp::from_millis(1), u128::from(number)),
        hash: KeyHash::Sha256(Digest::from_bytes([number; 32])),
        prefix: String::new(),
        account: "old".parse().unwrap(),
        name: "old".to_owned(),
        description: String::new(),
        environment: "live".to_owned(),
        role: None,
        permissions: Vec::new(),
        capabilities: Vec::new(),
        allowed_addresses: None,
        limits: std::collections::BTreeMap::new(),
        metadata: serde_json::Map::new(),
        enabled: true,
        created_at: Some(Timestamp::from_millis(7)),
        expires_at,
        auto_renew: false,
        term_began_at: None,
        revoked_at: None,
    }
}

/// One that is overdue and unused, one that ends in 30 days and is neither.
async fn fill_with_old_keys(store: &dyn Store) {
    let at = Timestamp::from_millis(START).before(400 * DAY);
    let origin = Origin { actor: Actor::System, request_id: String::new(), address: None };
    let entry = |at, change| Entry { change, origin: origin.clone(), conditions: Conditions::default(), at };
    let key = |number: u8, expires_at| {
        Change::CreateKey(Box::new(NewKey {
            api: "shop".into(),
            id: KeyId::new(Timestamp::from_millis(1), u128::from(number)),
            digest: Digest::from_bytes([number; 32]),
            prefix: String::new(),
            account: "old".parse().unwrap(),
            create_account: true,
            name: "old".to_owned(),
            description: String::new(),
            environment: "live".to_owned(),
            role: None,
            permissions: Vec::new(),
            capabilities: Vec::new(),
            allowed_addresses: None,
            limits: std::collections::BTreeMap::new(),
            metadata: serde_json::Map::new(),
            expires_at,
            auto_renew: false,
            account_limit: None,
        }))
    };
    let soon = Timestamp::from_millis(START).plus(30 * DAY);
    let batch = vec![entry(at, key(1, None)), entry(Timestamp::from_millis(START), key(2, Some(soon)))];
    for answer in store.append(batch).await.unwrap() {
        answer.unwrap();
    }
}

#[tokio::test]
async fn what_was_switched_off_or_ended_is_not_told_of() {
    let fixture = fixture().await;
    let (_, off) = fixture.lasting(50 * DAY).await;
    let (_, ended) = fixture.lasting(50 * DAY).await;
    let (_, again) = fixture.key(KeySpec::default()).await;
    let switched = |on| KeyPatch { enabled: Some(on), ..KeyPatch::default() };
    let (_, early) = fixture.key(KeySpec::default()).await;
    for key in [off, again, early] {
        fixture.commit(patch(key, switched(false))).await.unwrap();
    }
    fixture.commit(revoke(ended)).await.unwrap();
    fixture.after(50 * DAY).await;
    fixture.commit(patch(early, switched(true))).await.unwrap();
    assert_eq!(fixture.after(HOUR).await.told(early).await, [""; 0], "it is neither old nor unused yet");
    fixture.after(50 * DAY).await;
    assert_eq!([fixture.told(off).await, fixture.told(ended).await, fixture.told(again).await], [[""; 0]; 3]);
    fixture.commit(patch(again, switched(true))).await.unwrap();
    assert_eq!(fixture.after(HOUR).await.told(again).await, ["overdue at 100", "unused for 100"]);
}
