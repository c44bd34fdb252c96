//! One message, as the Standard Webhooks specification has it.

use bitting_core::time::Timestamp;
use bitting_core::webhook::{SigningSecret, WebhookUrl};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, header};
use http_body_util::Full;

/// Something to send to an endpoint.
#[derive(Debug, Clone)]
pub struct Message {
    /// Its id, the same however often it is sent. Whoever receives one twice knows it by this.
    pub id: String,
    /// What it says.
    pub body: Bytes,
    /// When it is sent.
    pub at: Timestamp,
    /// What it is signed with: one secret, or while it is being replaced the new one and the old one.
    pub secrets: Vec<SigningSecret>,
}

/// What Bitting calls itself.
const USER_AGENT: &str = concat!("Bitting/", env!("CARGO_PKG_VERSION"), " (webhooks)");

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

impl Message {
    /// When it is sent, as it is signed.
    fn timestamp_s(&self) -> i64 {
        self.at.as_millis() / 1_000
    }

    /// The signatures, one for each secret, separated by spaces.
    fn signatures(&self) -> String {
        let signed: Vec<String> =
            self.secrets.iter().map(|secret| secret.sign(&self.id, self.timestamp_s(), &self.body)).collect();
        signed.join(" ")
    }

    /// The request that takes it to an endpoint; `None` if something in it cannot stand in a head.
    pub(crate) fn request(&self, to: &WebhookUrl) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = to.target().parse().ok()?;
        let headers = request.headers_mut();
        headers.insert(header::HOST, HeaderValue::from_str(to.authority()).ok()?);
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        headers.insert(ID, HeaderValue::from_str(&self.id).ok()?);
        headers.insert(TIMESTAMP, HeaderValue::from(self.timestamp_s()));
        headers.insert(SIGNATURE, HeaderValue::from_str(&self.signatures()).ok()?);
        Some(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_with_every_secret() {
        let message = Message {
            id: "evt_1".to_owned(),
            body: Bytes::from_static(b"{}"),
            at: Timestamp::from_millis(1_700_000_000_999),
            secrets: vec![SigningSecret::new([1; 32]), SigningSecret::new([2; 32])],
        };
        let request = message.request(&"https://example.com:8443/a?b=c".parse().unwrap()).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert_eq!((request.uri().to_string(), header("host")), ("/a?b=c".to_owned(), "example.com:8443".to_owned()));
        assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("evt_1".to_owned(), "1700000000".to_owned()));
        let signature = header("webhook-signature");
        let parts: Vec<&str> = signature.split(' ').collect();
        assert!(parts.len() == 2 && parts.iter().all(|part| part.starts_with("v1,")) && parts[0] != parts[1], "{signature}");
    }
}
