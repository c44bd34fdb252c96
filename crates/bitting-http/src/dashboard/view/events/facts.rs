//! What is known of an event, as the catalogue names it. A field that is not there, or is of another kind, is not told.

use bitting_core::time::Timestamp;
use serde_json::Value;

/// The fields of an event, or of a part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Facts<'a>(pub(super) &'a Value);

impl<'a> Facts<'a> {
    /// A part that has fields of its own.
    pub(super) fn part(self, name: &str) -> Self {
        Self(self.0.get(name).unwrap_or(&Value::Null))
    }

    /// A text that says something.
    pub(super) fn text(self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        self.0.get(name)?.as_u64()
    }

    pub(super) fn is(self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn time(self, name: &str) -> Option<Timestamp> {
        self.text(name)?.parse().ok()
    }

    /// The parts of a list.
    pub(super) fn parts(self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        self.0.get(name).and_then(Value::as_array).into_iter().flatten().map(Self)
    }

    /// The names of the fields of a part.
    pub(super) fn names(self, name: &str) -> Vec<&'a str> {
        let fields = self.0.get(name).and_then(Value::as_object);
        fields.into_iter().flatten().map(|(field, _)| field.as_str()).collect()
    }

    /// The texts of a list.
    pub(super) fn list(self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_there_or_of_another_kind_is_not_told() {
        let data = json!({"a": "x", "b": 3, "c": [1, "y"], "d": {"e": true}, "t": "2026-01-01T00:00:00Z", "empty": ""});
        let facts = Facts(&data);
        assert_eq!((facts.text("a"), facts.text("b"), facts.text("empty"), facts.text("z")), (Some("x"), None, None, None));
        assert_eq!((facts.number("b"), facts.number("a")), (Some(3), None));
        assert_eq!((facts.list("c"), facts.list("a")), (vec!["y".to_owned()], Vec::new()));
        assert!(facts.part("d").is("e") && !facts.part("a").is("e") && !facts.is("b"));
        assert_eq!((facts.time("t"), facts.time("a")), ("2026-01-01T00:00:00Z".parse().ok(), None));
        assert!(Facts(&json!(["no object"])).text("a").is_none());
    }
}
