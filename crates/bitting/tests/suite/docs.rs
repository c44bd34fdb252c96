//! The documentation that is made from configurations, held against the servers that run on them.

mod code;
mod errors;
mod pages;
mod sentences;

use std::path::Path;
use std::sync::Arc;

use bitting::config::{self, Source};
use bitting_engine::ServedApi;

/// The five APIs whose documents make promises, with a path of each that needs a key.
pub(crate) const EXAMPLES: [(&str, &str); 5] = [
    ("backboard", "/api/assistants"),
    ("backbone", "/api/v1/models"),
    ("launchboard", "/api/v1/stakeholders"),
    ("product-api", "/v1/tasks"),
    ("csboard", "/v1/listings"),
];

/// An API of a configuration.
fn api(text: &str, name: &str) -> Arc<ServedApi> {
    let source = Source { name: name.to_owned(), text: text.to_owned() };
    let loaded = config::load(vec![source], &[], Path::new("."), &Arc::default());
    let config = loaded.config.unwrap_or_else(|| panic!("{}", loaded.problems.render(false)));
    Arc::clone(config.apis.find(name).unwrap())
}

/// An API as its example has it.
fn example(name: &str) -> Arc<ServedApi> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../examples/{name}.toml"));
    api(&std::fs::read_to_string(file).unwrap(), name)
}
