//! Every page with rich contents, held against what each page must satisfy, and written down for whoever wants to look:
//! `BITTING_GALLERY=DIR cargo test -p bitting-http gallery`.

mod events;
mod html;
mod key_forms;
mod key_lists;
mod key_pages;
mod samples;
mod troubles;

use askama::Template;

use super::{ApiLinks, Brand, Frame, Person, Place, Theme};
use bitting_core::api::Accent;

use crate::dashboard::assets;

/// The frame around the pages of a developer.
pub(super) fn developer() -> Frame {
    let person = Person {
        name: "Mara Lindqvist".to_owned(),
        email: Some("mara@northwind.example".to_owned()),
        account: Some("Northwind Logistics".to_owned()),
        plan: Some("Professional".to_owned()),
    };
    Frame { person: Some(person), ..visitor() }
}

/// The frame around the pages of an operator.
pub(super) fn operator() -> Frame {
    let person =
        Person {
            name: "Tomasz Zieliński".to_owned(), email: Some("tomasz@example.com".to_owned()), account: None, plan: None
        };
    Frame { person: Some(person), ..visitor() }
}

/// The frame before somebody has signed in.
pub(super) fn visitor() -> Frame {
    let links = ApiLinks::new("product-api");
    Frame {
        brand: Brand { title: "Product API".to_owned(), logo: None, accent: Accent::default() },
        docs: Some(links.docs()),
        api: Some(links),
        place: Place::Elsewhere,
        person: None,
        csrf: "c5rf-t0k3n".to_owned(),
        support: Some("api-support@example.com".to_owned()),
        theme: Theme::System,
        unread: 3,
    }
}

/// Holds a page against what each page must satisfy, and writes it down if somebody wants to look.
pub(super) fn hang(name: &str, page: &impl Template) -> String {
    let html = page.render().unwrap();
    html::inspect(name, &html);
    if let Ok(folder) = std::env::var("BITTING_GALLERY") {
        let folder = std::path::Path::new(&folder);
        std::fs::create_dir_all(folder.join("assets")).unwrap();
        for (path, text) in assets::all(Accent::default()) {
            std::fs::write(folder.join(path.trim_start_matches('/')), text).unwrap();
        }
        let local = html.replace("\"/assets/", "\"assets/");
        std::fs::write(folder.join(format!("{name}.html")), local).unwrap();
    }
    html
}
