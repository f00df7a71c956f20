//! A secret value that must not appear in logs, in errors, or in memory after use.
//!
//! `Secret<T>` cannot be printed, serialised or compared. Code reads the value only through
//! [`Secret::expose`], so a search for that name finds every use. The memory is wiped on drop. To compare
//! secrets, use the cryptographic library, which compares in constant time.

use std::fmt;

use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize, Zeroizing};

/// Wraps a secret. `Debug` prints `Secret(…)`, and dropping it wipes the memory.
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
    /// Takes ownership of the value. The caller must wipe copies that were made before this call.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// The value. Review every call of this function: it must not reach a log or an error.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// The value, for writing into it.
    pub fn expose_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Secrets are read from configuration and requests. `Serialize` is deliberately absent.
impl<'de, T: Zeroize + Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self::new)
    }
}
