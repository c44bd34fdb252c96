//! What the address of a page says. It may come from anywhere, so whatever it says leads to a page.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Path as InPath};
use axum::response::Response;
use http::request::Parts;
use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};

use super::setback::Setback;
use super::view::Trouble;
use crate::service::Shared;

/// The names in the path. What is no text, as in `%ff`, is the name of nothing.
pub(super) struct Path<T>(pub(super) T);

/// The query, all of whose fields are texts. Of a field that is there twice the last counts, as if it had been typed over; what
/// nobody asks for is passed over.
pub(super) struct Query<T>(pub(super) T);

impl<T: DeserializeOwned + Send> FromRequestParts<Shared> for Path<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        match InPath::from_request_parts(parts, shared).await {
            Ok(InPath(names)) => Ok(Self(names)),
            Err(_) => Err(Setback::from(Trouble::NotFound).for_nobody(shared, &parts.headers)),
        }
    }
}

impl<T: DeserializeOwned + Default> FromRequestParts<Shared> for Query<T> {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _shared: &Shared) -> Result<Self, Response> {
        Ok(Self(read(parts.uri.query().unwrap_or_default())))
    }
}

fn read<T: DeserializeOwned + Default>(query: &str) -> T {
    let fields: BTreeMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    T::deserialize(MapDeserializer::<_, Error>::new(fields.into_iter())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, serde::Deserialize)]
    #[serde(default)]
    struct Asked {
        q: String,
        sort: String,
    }

    #[test]
    fn of_a_field_that_is_there_twice_the_last_counts() {
        let asked = |q: &str, sort: &str| Asked { q: q.to_owned(), sort: sort.to_owned() };
        assert_eq!(read::<Asked>("q=1&sort=name&q=2&more=x"), asked("2", "name"));
        assert_eq!(read::<Asked>("q=a+b%26%ff&"), asked("a b&\u{fffd}", ""));
        assert_eq!(read::<Asked>("&&=&==x&%"), asked("", ""));
    }
}
