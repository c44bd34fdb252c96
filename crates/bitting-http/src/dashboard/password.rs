//! Passwords: argon2id, a few at a time, off the threads that serve requests.

use std::fmt;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash as Phc, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use bitting_engine::{Entropy, EntropyError};
use bitting_store::PasswordHash;
use tokio::sync::{Semaphore, TryAcquireError};
use zeroize::{Zeroize as _, Zeroizing};

/// A password in the clear, from the form to the hash. It does not print itself and is wiped on drop.
#[derive(Clone)]
pub(super) struct Password(Zeroizing<String>);

/// Computes hashes.
#[derive(Clone)]
pub(super) struct Hasher(Arc<Places>);

struct Places {
    /// Each computation takes 19 MiB and a core for some 20 ms.
    working: Semaphore,
    /// Whoever finds none comes again later.
    waiting: Semaphore,
    /// The memory of those that are done, for the next ones. The system's allocator would keep it for each thread that ever
    /// computed one, and they are many.
    memory: Mutex<Vec<Blocks>>,
}

type Blocks = Vec<Block>;

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
    let hash = phc("the password of nobody", b"nobody's own salt", &mut Blocks::new());
    hash.map(|hash| hash.to_string()).unwrap_or_default()
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
        let (working, waiting) = (Semaphore::new(WORKING), Semaphore::new(WAITING));
        Self(Arc::new(Places { working, waiting, memory: Mutex::default() }))
    }
}

impl Hasher {
    /// What is kept of a password.
    pub(super) async fn hash(&self, password: Password) -> Result<PasswordHash, Unanswered> {
        let hash = self.run(move |memory| {
            let mut salt = [0; 16];
            Entropy.fill(&mut salt).map_err(|error: EntropyError| error.to_string())?;
            let hash = phc(&password.0, &salt, memory).map_err(|error| error.to_string())?;
            Ok::<_, String>(PasswordHash::new(hash.to_string()))
        });
        hash.await?.map_err(|error| {
            tracing::error!(%error, "a password could not be hashed");
            Unanswered::Failed
        })
    }

    /// Whether it is the password of which this is kept. Where nothing is kept the answer is no, and takes as long.
    pub(super) async fn verify(&self, password: Password, kept: Option<PasswordHash>) -> Result<bool, Unanswered> {
        self.run(move |memory| {
            let is_somebodys = kept.is_some();
            let kept = kept.as_ref().map_or(NOBODYS.as_str(), PasswordHash::as_str);
            fits(&password.0, kept, memory).is_ok_and(|fits| fits && is_somebodys)
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce(&mut Blocks) -> T + Send + 'static) -> Result<T, Unanswered> {
        let _place = match self.0.waiting.try_acquire() {
            Ok(place) => place,
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Err(Unanswered::Busy),
        };
        let _core = self.0.working.acquire().await.map_err(|_| Unanswered::Failed)?;
        let places = Arc::clone(&self.0);
        let work = move || {
            let idle = || places.memory.lock().unwrap_or_else(PoisonError::into_inner);
            let mut memory = idle().pop().unwrap_or_default();
            let done = work(&mut memory);
            memory.zeroize();
            idle().push(memory);
            done
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| Unanswered::Failed)
    }
}

/// The hash of a password in the PHC string format.
fn phc(password: &str, salt: &[u8], memory: &mut Blocks) -> Result<Phc, argon2::password_hash::Error> {
    let (params, salt) = (Params::default(), Salt::new(salt)?);
    let (algorithm, version) = (Algorithm::default(), Version::default());
    let hash = output(password, &Argon2::new(algorithm, version, params.clone()), &salt, Params::DEFAULT_OUTPUT_LEN, memory)?;
    Ok(Phc {
        algorithm: algorithm.ident(),
        version: Some(version.into()),
        params: ParamsString::try_from(&params)?,
        salt: Some(salt),
        hash: Some(hash),
    })
}

/// Whether a password has a hash, which says itself how it was made.
fn fits(password: &str, kept: &str, memory: &mut Blocks) -> Result<bool, argon2::password_hash::Error> {
    let kept = Phc::new(kept)?;
    let (Some(salt), Some(expected)) = (&kept.salt, &kept.hash) else { return Ok(false) };
    let version = kept.version.map(Version::try_from).transpose()?.unwrap_or_default();
    let argon2 = Argon2::new(Algorithm::try_from(kept.algorithm.as_str())?, version, Params::try_from(&kept)?);
    // They compare in constant time.
    Ok(output(password, &argon2, salt, expected.len(), memory)? == *expected)
}

fn output(
    password: &str,
    argon2: &Argon2<'_>,
    salt: &[u8],
    length: usize,
    memory: &mut Blocks,
) -> Result<Output, argon2::password_hash::Error> {
    let mut buffer = Zeroizing::new([0; Output::MAX_LENGTH]);
    let out = buffer.get_mut(..length).ok_or(argon2::password_hash::Error::OutputSize)?;
    memory.resize(argon2.params().block_count(), Block::default());
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, memory)?;
    Ok(Output::new(out)?)
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

    #[tokio::test]
    async fn however_many_passwords_are_tried_the_memory_is_that_of_those_at_once() {
        let hasher = Hasher::default();
        let tries = (0..20).map(|_| hasher.verify(password("not this one"), None));
        for tried in futures_util::future::join_all(tries).await {
            assert!(!tried.unwrap());
        }
        let memory = hasher.0.memory.lock().unwrap();
        assert!((1..=WORKING).contains(&memory.len()), "{}", memory.len());
        assert!(memory.iter().flatten().all(|block| block.as_ref().iter().all(|word| *word == 0)), "it is wiped");
    }

    #[tokio::test]
    async fn a_hash_that_others_have_made_is_read() {
        let made_elsewhere = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let kept = Some(PasswordHash::new(made_elsewhere.to_owned()));
        assert!(Hasher::default().verify(password("password"), kept.clone()).await.unwrap());
        assert!(!Hasher::default().verify(password("passwort"), kept).await.unwrap());
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
