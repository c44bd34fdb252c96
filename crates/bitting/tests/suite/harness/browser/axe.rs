//! What keeps people from using a page.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::Browser;
use crate::harness::clients::tool;

impl Browser {
    /// axe-core finds nothing wrong with the page as it is now, good practice included.
    pub(crate) async fn axe(&self) {
        self.step("let axe look at it".to_owned());
        sound(&self.violations().await);
    }

    /// axe-core finds nothing wrong with the page's colours, which alone change from light to dark.
    pub(super) async fn axe_on_colours(&self) {
        self.step("let axe look at its colours".to_owned());
        sound(&self.run(&json!(["color-contrast", "link-in-text-block"])).await);
    }

    /// What axe-core finds wrong with the page as it is now.
    pub(crate) async fn violations(&self) -> Vec<String> {
        self.run(&Value::Null).await
    }

    async fn run(&self, rules: &Value) -> Vec<String> {
        let has_script = self.has_script.get();
        // It waits for itself, which it cannot where script is off; the page's own stays unrun.
        self.allow_script(true).await;
        if self.devtools.evaluate("typeof axe").await != "object" {
            let file = PathBuf::from(tool("BITTING_TEST_NODE")).join("node_modules/axe-core/axe.min.js");
            self.devtools.evaluate(&format!("{};0", std::fs::read_to_string(file).unwrap())).await;
        }
        let found = self.devtools.evaluate(&include_str!("axe.js").replace("RULES", &rules.to_string())).await;
        self.allow_script(has_script).await;
        serde_json::from_value(found).unwrap()
    }
}

fn sound(wrong: &[String]) {
    assert!(wrong.is_empty(), "axe finds {} things wrong:\n{}", wrong.len(), wrong.join("\n"));
}
