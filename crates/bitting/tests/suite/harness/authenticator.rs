//! What a person's telephone does.

/// The code that an authenticator app shows for a secret at a second since 1970.
pub(crate) fn code(secret: &str, second: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("test").build().unwrap();
    totp.generate(u64::try_from(second).unwrap()).to_string()
}
