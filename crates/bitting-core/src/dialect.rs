//! How an API speaks to its callers: where it takes the credential, and how its refusals sound.

mod answer;
mod carrier;
mod cors;
mod credential;
mod discretion;
#[cfg(test)]
mod fixture;
mod identity;
mod labels;
mod limit_headers;
mod overrides;
mod query;
mod removal;
mod spelling;
mod template;
mod vary;

pub use answer::{Answer, AnswerContext, AnswerError, AnswerSpec, Answers};
pub use carrier::{Carrier, InvalidCarrier, is_framing};
pub use cors::{Cors, CorsOrigins};
pub use credential::{Ambiguous, Credential, CredentialRules, Foreign, Found};
pub use discretion::{Carriage, Discretion};
pub use identity::IdentityHeaders;
pub use labels::Labels;
pub use limit_headers::{LimitHeaders, ResetFormat, Standing, seconds_until};
pub use overrides::{Claim, NoOverride, Override, Overrides};
pub use query::methods_asked_for;
pub use spelling::{Spellings, begins_like, is_spelled_like};
pub use template::{BodySpec, Template, TemplateError, Variables};
