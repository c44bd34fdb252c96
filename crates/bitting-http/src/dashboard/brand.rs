//! In whose name pages speak.

use bitting_core::api::Api;
use bitting_engine::Apis;

use super::view::{ApiLinks, Brand};

/// The name, logo and colour of an API; where none is concerned, those of the only one, or Bitting's.
pub(super) fn of(apis: &Apis, api: Option<&Api>) -> Brand {
    let only = || match apis.protected() {
        [only] => Some(&***only),
        _ => None,
    };
    let Some(api) = api.or_else(only) else {
        return Brand { title: "Bitting".to_owned(), logo: None, accent: bitting_core::api::Accent::default() };
    };
    let logo = api.brand.logo.as_ref().map(|_| format!("/assets/logo/{}", api.name));
    Brand { title: api.labels.title.to_string(), logo, accent: api.brand.accent }
}

/// Where help is to be had.
pub(super) fn support(api: Option<&Api>) -> Option<String> {
    api.and_then(|api| api.docs.support.as_ref()).map(|contact| contact.shown().to_owned())
}

/// The API's page on authentication, where whoever asks may see it.
pub(super) fn docs(api: Option<&Api>, is_signed_in: bool) -> Option<String> {
    api.filter(|api| is_signed_in || api.docs.public).map(|api| ApiLinks::new(&api.name).docs())
}
