//! One-time codes of an authenticator app (RFC 6238): the second factor.

use askama::filters::HtmlSafe;
use bitting_core::time::Timestamp;
use bitting_store::SecondFactor;
use qrcode::QrCode;
use qrcode::render::svg;
use totp_rs::{Builder, Secret, Totp};

/// What an authenticator app is given to make codes of.
pub(super) struct Enrolment {
    totp: Totp,
}

/// A picture of a square code, as SVG without style or script.
pub(super) struct Square(String);

impl HtmlSafe for Square {}

/// The length of a secret in bytes (RFC 4226, section 4, R6).
pub(super) const SECRET: usize = 20;

impl Enrolment {
    /// For a secret, under these names. `None` if it is too short.
    pub(super) fn new(secret: &[u8], title: &str, person: &str) -> Option<Self> {
        // A colon would part the one from the other.
        let (title, person) = (title.replace(':', " "), person.replace(':', " "));
        let builder = Builder::new().with_secret(secret).with_issuer(Some(title)).with_account_name(person);
        builder.build().ok().map(|totp| Self { totp })
    }

    /// The secret that somebody types in, or has sent back with a form.
    pub(super) fn read(text: &str) -> Option<Vec<u8>> {
        let secret = Secret::try_from_base32(text.trim().to_ascii_uppercase()).ok()?;
        Some(secret.as_bytes().to_vec()).filter(|bytes| bytes.len() == SECRET)
    }

    /// The secret, to type in by hand.
    pub(super) fn secret(&self) -> String {
        self.totp.secret().to_base32()
    }

    /// The link that apps open (`otpauth://…`).
    pub(super) fn link(&self) -> String {
        self.totp.to_url().unwrap_or_default()
    }

    /// The same as a picture.
    pub(super) fn square(&self) -> Square {
        let picture = QrCode::new(self.link()).map(|code| {
            let drawn = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
            // As a part of a page it has no prologue of its own.
            drawn.find("<svg").map_or(String::new(), |start| drawn[start..].to_owned())
        });
        Square(picture.unwrap_or_default())
    }

    /// The time step of a code that is right at a time, or was or will be half a minute around it.
    pub(super) fn step(&self, code: &str, now: Timestamp) -> Option<u64> {
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        self.totp.check(&digits, u64::try_from(now.as_millis() / 1_000).unwrap_or_default())
    }
}

/// The time step of a member's code, if it is right and was not used before.
pub(super) fn step_of(factor: &SecondFactor, code: &str, now: Timestamp) -> Option<u64> {
    Enrolment::new(&factor.secret, "Bitting", "member")?.step(code, now).filter(|step| *step > factor.last_step)
}

impl std::fmt::Display for Square {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1_000)
    }

    /// The secret and a moment of RFC 6238, appendix B.
    const RFC: &[u8; 20] = b"12345678901234567890";

    #[test]
    fn the_codes_are_those_of_the_standard() {
        let enrolment = Enrolment::new(RFC, "Product API", "mara@example.com").unwrap();
        // The last six of the eight digits of the appendix.
        for (second, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924")] {
            assert_eq!(enrolment.step(code, at(second)), Some(u64::try_from(second / 30).unwrap()));
        }
        assert_eq!(enrolment.step("287 082", at(59)), Some(1), "apps show them in two groups");
        assert_eq!(enrolment.step("287082", at(59 + 30)), Some(1), "a step late is still right");
        for wrong in ["287083", "28708", "", "2870822", "abcdef"] {
            assert_eq!(enrolment.step(wrong, at(59)), None, "{wrong}");
        }
        assert_eq!(enrolment.step("287082", at(59 + 61)), None);
    }

    #[test]
    fn a_code_that_was_used_is_not_right_any_more() {
        let factor = |last_step| SecondFactor { secret: RFC.to_vec(), last_step };
        assert_eq!(step_of(&factor(0), "287082", at(59)), Some(1));
        assert_eq!(step_of(&factor(1), "287082", at(59)), None);
    }

    #[test]
    fn an_app_learns_the_secret_from_the_picture_or_by_hand() {
        let enrolment = Enrolment::new(RFC, "Shop: live", "mara@example.com").unwrap();
        assert_eq!(Enrolment::read(&enrolment.secret()).as_deref(), Some(&RFC[..]));
        assert_eq!(Enrolment::read(&enrolment.secret().to_lowercase()).as_deref(), Some(&RFC[..]));
        assert!(Enrolment::read("AAAA").is_none());
        let link = enrolment.link();
        assert!(link.starts_with("otpauth://totp/Shop%20%20live:mara%40example.com?secret="), "{link}");
        let square = enrolment.square().to_string();
        assert!(square.starts_with("<svg") && !square.contains("style="), "{}", &square[..200]);
    }
}
