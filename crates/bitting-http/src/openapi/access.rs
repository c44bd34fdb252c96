//! Who may ask, and with what.

use bitting_core::api::Api;
use bitting_core::dialect::Carrier;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};

/// An operator's token. Operations that ask for none say so themselves.
pub(super) fn of_operators(document: &mut OpenApi) {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "An operator's token, made by `bitting keys create --api bitting` on the machine that holds the store.",
    ));
    add(document, [("operator".to_owned(), SecurityScheme::Http(token.build()))]);
}

/// A key of the API, in any of the places where the API takes keys.
pub(super) fn of_keys(document: &mut OpenApi, api: &Api) {
    let schemes = api.credentials.carriers.iter().filter_map(|carrier| {
        let (name, scheme) = match carrier {
            Carrier::Authorization(scheme) if scheme.eq_ignore_ascii_case("bearer") => {
                ("bearer", SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)))
            }
            Carrier::Basic => ("basic", SecurityScheme::Http(Http::new(HttpAuthScheme::Basic))),
            Carrier::Authorization(scheme) => {
                let value = ApiKeyValue::with_description("Authorization", &format!("`{scheme} KEY`"));
                ("authorization", SecurityScheme::ApiKey(ApiKey::Header(value)))
            }
            Carrier::Header(name) => ("header", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new(name.as_str())))),
            Carrier::Query(name) => ("query", SecurityScheme::ApiKey(ApiKey::Query(ApiKeyValue::new(&**name)))),
            Carrier::Cookie(name) => ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new(&**name)))),
            // It is for browsers' sockets, and nobody manages keys by one.
            Carrier::Subprotocol(_) => return None,
        };
        Some((name.to_owned(), scheme))
    });
    add(document, schemes.collect::<Vec<_>>());
}

fn add(document: &mut OpenApi, schemes: impl IntoIterator<Item = (String, SecurityScheme)>) {
    let components = document.components.get_or_insert_with(Components::new);
    let requirements = document.security.get_or_insert_default();
    for (number, (kind, scheme)) in schemes.into_iter().enumerate() {
        // There may be two headers, say.
        let name = if components.security_schemes.contains_key(&kind) { format!("{kind}{number}") } else { kind };
        requirements.push(SecurityRequirement::new(&name, [""; 0]));
        components.add_security_scheme(name, scheme);
    }
}
