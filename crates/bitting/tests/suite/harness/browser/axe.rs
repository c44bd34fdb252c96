//! What keeps people from using a page.

use std::path::PathBuf;

use super::Browser;
use crate::harness::clients::tool;

impl Browser {
    /// axe-core finds nothing wrong with the page as it is now, good practice included.
    pub(crate) async fn axe(&self) {
        self.step("let axe look at it".to_owned());
        let wrong = self.violations().await;
        assert!(wrong.is_empty(), "axe finds {} things wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    /// What axe-core finds wrong with the page as it is now.
    pub(crate) async fn violations(&self) -> Vec<String> {
        let file = PathBuf::from(tool("BITTING_TEST_NODE")).join("node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(file).unwrap();
        let has_script = self.has_script.get();
        // It waits for itself, which it cannot where script is off; the page's own stays unrun.
        self.allow_script(true).await;
        let found = self.devtools.evaluate(&format!("{axe};{}", include_str!("axe.js"))).await;
        self.allow_script(has_script).await;
        serde_json::from_value(found).unwrap()
    }
}
