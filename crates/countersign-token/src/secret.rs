//! A value that must not be seen: in a log, in an error, in memory after use.
//!
//! `Secret<T>` cannot be printed, serialised or compared, so a secret leaves it only through
//! [`Secret::expose`], which can be searched for. The memory is wiped on drop. Comparing secrets is left
//! to the cryptographic library, which does it in constant time.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, Zeroizing};

/// Holds a secret and wipes it when dropped.
///
/// ```
/// use countersign_token::Secret;
///
/// let password = Secret::new(String::from("correct horse"));
/// assert_eq!(format!("{password:?}"), "Secret(…)");
/// assert_eq!(password.expose(), "correct horse");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes ownership; copies made before this call are the caller's to wipe.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The only way to the value. Every call is a place to review.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, to be written.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Secrets are read from configuration and requests; they are never written back.
impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}
