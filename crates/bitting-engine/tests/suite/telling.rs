//! What happened is told to whoever follows.

use bitting_core::event::EventKind;
use bitting_engine::KeySpec;
use bitting_store::{Fold, Raised};
use serde_json::json;

use super::fixture::{Fixture, rename};

#[tokio::test]
async fn whoever_follows_events_hears_how_far_they_go_and_reads_them_in_their_order() {
    let fixture = Fixture::new().await;
    let mut last = fixture.engine.last_event();
    let before = *last.borrow();
    let (_, key) = fixture.key(KeySpec::default()).await;
    fixture.commit(rename(key, "renamed")).await.unwrap();
    let at = fixture.engine.now();
    let fold = Fold::Once("once".into());
    let unused = Raised {
        kind: EventKind::KeyUnused,
        api: "shop".into(),
        account: None,
        key: None,
        at,
        count: 1,
        fold,
        data: json!({}),
    };
    fixture.engine.raise(vec![unused]).await.unwrap();
    last.wait_for(|last| *last == before + 3).await.unwrap();
    let events = fixture.engine.store().events_after(before, 10).await.unwrap();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::KeyCreated, EventKind::KeyUpdated, EventKind::KeyUnused]);
    // After a restart nobody is told again what was told before.
    let fixture = fixture.restart().await;
    assert_eq!(*fixture.engine.last_event().borrow(), before + 3);
}
