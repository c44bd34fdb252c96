//! Passwords: argon2id, a few at a time, off the threads that serve requests.

use std::fmt;
use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use bitting_engine::{Entropy, EntropyError};
use bitting_store::PasswordHash;
use tokio::sync::{Semaphore, TryAcquireError};
use zeroize::Zeroizing;

/// A password in the clear, from the form to the hash. It does not print itself and is wiped on drop.
#[derive(Clone)]
pub(super) struct Password(Zeroizing<String>);

/// Computes hashes.
#[derive(Debug, Clone)]
pub(super) struct Hasher(Arc<Places>);

#[derive(Debug)]
struct Places {
    /// Each computation takes 19 MiB and a core for some 20 ms.
    working: Semaphore,
    /// Whoever finds none comes again later.
    waiting: Semaphore,
}

/// So many are computed at once, and so many wait for it.
const WORKING: usize = 2;
const WAITING: usize = 64;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Unanswered {
    /// Too many others are being looked at.
    Busy,
    /// There is no randomness, or the work was cut off.
    Failed,
}

/// The shortest that is taken: what is shorter can be guessed. A longer one takes no longer to check, up to the most.
pub(super) const SHORTEST: usize = 10;
const LONGEST: usize = 200;

/// What is compared with where there is nothing to compare with, so that the answer takes as long: the hash of nobody's password.
static NOBODYS: LazyLock<String> = LazyLock::new(|| {
    let hash = Argon2::default().hash_password_with_salt(b"the password of nobody", b"nobody's own salt");
    hash.map(|hash: Phc| hash.to_string()).unwrap_or_default()
});

impl Password {
    pub(super) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// What is wrong with it as a new one, in words.
    pub(super) fn weakness(&self, email: &str) -> Option<String> {
        let length = self.0.chars().count();
        let small = self.0.to_lowercase();
        let mut different: Vec<char> = small.chars().collect();
        different.sort_unstable();
        different.dedup();
        let own = email.split('@').next().unwrap_or_default();
        if length < SHORTEST {
            Some("This is too short.".to_owned())
        } else if length > LONGEST {
            Some(format!("Use {LONGEST} characters or fewer."))
        } else if different.len() < 5 || (own.len() > 3 && small.contains(own) && length < own.len() + SHORTEST) {
            Some("This is easy to guess; use a few words that have nothing to do with each other.".to_owned())
        } else {
            None
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password")
    }
}

impl Default for Hasher {
    fn default() -> Self {
        Self(Arc::new(Places { working: Semaphore::new(WORKING), waiting: Semaphore::new(WAITING) }))
    }
}

impl Hasher {
    /// What is kept of a password.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Unanswered> {
        let hash = self.run(move || {
            let mut salt = [0; 16];
            Entropy.fill(&mut salt).map_err(|error: EntropyError| error.to_string())?;
            let hash: Result<Phc, _> = Argon2::default().hash_password_with_salt(password.0.as_bytes(), &salt);
            hash.map(|hash| PasswordHash::new(hash.to_string())).map_err(|error| error.to_string())
        });
        hash.await?.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Unanswered::Failed
        })
    }

    /// Whether it is the password of which this is kept. Where nothing is kept the answer is no, and takes as long.
    pub(super) async fn verify(&self, password: Password, kept: Option<PasswordHash>) -> Result<bool, Unanswered> {
        self.run(move || {
            let is_somebodys = kept.is_some();
            let kept = kept.as_ref().map_or(NOBODYS.as_str(), PasswordHash::as_str);
            let fits = Phc::new(kept).is_ok_and(|kept| Argon2::default().verify_password(password.0.as_bytes(), &kept).is_ok());
            fits && is_somebodys
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Unanswered> {
        let _place = match self.0.waiting.try_acquire() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Err(Unanswered::Busy),
        };
        let _core = self.0.working.acquire().await.map_err(|_| Unanswered::Failed)?;
        tokio::task::spawn_blocking(work).await.map_err(|_| Unanswered::Failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let hasher = Hasher::default();
        let kept = hasher.hash(password("correct horse battery")).await.unwrap();
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.as_str());
        assert!(hasher.verify(password("correct horse battery"), Some(kept.clone())).await.unwrap());
        assert!(!hasher.verify(password("correct horse batterz"), Some(kept)).await.unwrap());
    }

    #[tokio::test]
    async fn nobodys_password_opens_nothing() {
        assert!(!Hasher::default().verify(password("the password of nobody"), None).await.unwrap());
        assert!(Phc::new(NOBODYS.as_str()).is_ok(), "the same work is done for nobody");
    }

    #[test]
    fn a_weak_password_is_named_weak() {
        for (text, weak) in [
            ("short", true),
            ("aaaaaaaaaaaa", true),
            ("123123123123", true),
            ("mara2025!?", true),
            ("correct horse battery", false),
            (&"x y z 1 2 ".repeat(30), true),
        ] {
            assert_eq!(password(text).weakness("mara@example.com").is_some(), weak, "{text}");
        }
        assert_eq!(format!("{:?}", password("secret")), "Password");
    }
}
