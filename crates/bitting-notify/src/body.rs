//! What a message says: an event, as the Standard Webhooks specification wants it.

use bitting_store::EventRow;
use serde_json::{Map, Value, json};

/// `type`, `timestamp` and `data`: the event's own data, and what is known of every event where it does not say it itself.
pub(crate) fn body(event: &EventRow) -> String {
    let mut data = match &event.data {
        Value::Object(data) => data.clone(),
        Value::Null => Map::new(),
        other => Map::from_iter([("value".to_owned(), other.clone())]),
    };
    let mut known = |field: &str, value: Value| {
        data.entry(field).or_insert(value);
    };
    known("event_id", json!(event.id()));
    known("api", json!(event.api));
    known("account", json!(event.account));
    known("severity", json!(event.kind.severity()));
    known("count", json!(event.count));
    known("last_at", json!(event.last_at));
    if let Some(key) = event.key {
        known("key", json!({"id": key}));
    }
    json!({"type": event.kind, "timestamp": event.at, "data": data}).to_string()
}

#[cfg(test)]
mod tests {
    use bitting_core::event::EventKind;
    use bitting_core::key::KeyId;
    use bitting_core::time::Timestamp;

    use super::*;

    #[test]
    fn a_message_says_what_happened_when_and_to_what() {
        let at = Timestamp::from_millis(1_700_000_000_000);
        let key = KeyId::new(at, 1);
        let event = |data| EventRow {
            number: 7,
            at,
            last_at: at,
            count: 3,
            api: "shop".into(),
            account: Some("acme".parse().unwrap()),
            key: Some(key),
            kind: EventKind::LimitExceeded,
            data,
        };
        let said: Value = serde_json::from_str(&body(&event(json!({"limit": "hour"})))).unwrap();
        assert_eq!((&said["type"], &said["timestamp"]), (&json!("limit.exceeded"), &json!("2023-11-14T22:13:20Z")));
        let data = &said["data"];
        assert_eq!((&data["limit"], &data["account"], &data["count"]), (&json!("hour"), &json!("acme"), &json!(3)));
        assert_eq!((&data["key"]["id"], &data["severity"]), (&json!(key), &json!("notice")));
        // What the event says itself stays.
        let said: Value = serde_json::from_str(&body(&event(json!({"key": {"id": key, "name": "x"}, "count": 9})))).unwrap();
        assert_eq!((&said["data"]["key"]["name"], &said["data"]["count"]), (&json!("x"), &json!(9)));
    }
}
