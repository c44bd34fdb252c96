//! How wide, and how light.

use std::fmt;

use serde_json::json;

use super::Browser;

/// What a page looks like to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    width: u32,
    height: u32,
    scheme: Scheme,
}

/// What the person's system is set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Light,
    Dark,
}

impl Look {
    /// A desk.
    pub(crate) const WIDE: Self = Self { width: 1440, height: 1000, scheme: Scheme::Light };
    /// A telephone.
    pub(crate) const NARROW: Self = Self { width: 360, height: 800, scheme: Scheme::Light };
    /// All that pages are looked at in.
    pub(super) const ALL: [Self; 4] =
        [Self::WIDE, Self::WIDE.in_the(Scheme::Dark), Self::NARROW.in_the(Scheme::Dark), Self::NARROW];

    /// The same in light or dark.
    pub(crate) const fn in_the(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    fn is_held_in_hand(self) -> bool {
        self.width < 640
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.width, if self.scheme == Scheme::Dark { "dark" } else { "light" })
    }
}

impl Browser {
    /// Changes how the page looks, at once.
    pub(crate) async fn wear(&self, look: Look) {
        self.look.set(look);
        let in_hand = look.is_held_in_hand();
        let metrics = json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": in_hand});
        self.devtools.command("Emulation.setDeviceMetricsOverride", metrics).await;
        let touch = json!({"enabled": in_hand, "maxTouchPoints": 1});
        self.devtools.command("Emulation.setTouchEmulationEnabled", touch).await;
        let scheme = if look.scheme == Scheme::Dark { "dark" } else { "light" };
        let features = json!({"features": [
            {"name": "prefers-color-scheme", "value": scheme},
            // Nothing is looked at half-way.
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]});
        self.devtools.command("Emulation.setEmulatedMedia", features).await;
    }

    /// Looks at the page in every width, light and dark: axe finds nothing wrong, and nothing sticks out to the side. With
    /// `BITTING_TEST_PICTURES` set, a picture of each is left under the name, for human eyes.
    pub(crate) async fn inspect(&self, name: &str) {
        let usual = self.look.get();
        for look in Look::ALL {
            self.step(format!("look at it as {look}"));
            self.wear(look).await;
            if std::env::var_os("BITTING_TEST_PICTURES").is_some() {
                self.picture(&format!("{name}-{look}")).await;
            }
            match look.scheme {
                Scheme::Light => self.axe().await,
                Scheme::Dark => self.axe_on_colours().await,
            }
            self.fits().await;
        }
        self.wear(usual).await;
    }

    /// Nothing has to be scrolled sideways to be read.
    async fn fits(&self) {
        let script = "const wide = document.documentElement; const edge = wide.clientWidth;\
                      if (wide.scrollWidth <= edge) return [];\
                      return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > edge + 1)\
                      .map((e) => e.outerHTML.slice(0, 200))";
        let wide = self.client.execute(script, Vec::new()).await.unwrap();
        let wide: Vec<String> = serde_json::from_value(wide).unwrap();
        assert!(wide.is_empty(), "it sticks out to the side:\n{}", wide.join("\n"));
    }
}
