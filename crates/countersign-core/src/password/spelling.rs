//! The formats in which systems store password hashes.
//!
//! PHC strings (<https://github.com/P-H-C/phc-string-format>) and other formats:
//! Django's fields between dollar signs, Werkzeug's fields with colons, bcrypt's
//! modular format, ASP.NET Identity's bytes, Firebase's scrypt in the format of
//! Supabase Auth, and Better Auth's two hexadecimal numbers.

use std::num::NonZeroU32;

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::recipe::{BCRYPT_OUTPUT, BeforeBcrypt, Function, Recipe};
use super::work::Prf;
use crate::Secret;

/// The longest text, in bytes.
const MAX_TEXT: usize = 1024;

/// The length of a hash, in bytes. A shorter one could match by chance, and no system stores a longer one.
const OUTPUT: std::ops::RangeInclusive<usize> = 16..=128;

/// Base64 with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Removes the name that Django writes before a hash that already names its function.
pub(super) fn without_django_name(text: &str) -> &str {
    let named = [("argon2", "$argon2"), ("bcrypt$", "$2")];
    let bare =
        named.iter().find_map(|(name, start)| text.strip_prefix(name).filter(|bare| bare.starts_with(start)));
    bare.unwrap_or(text)
}

/// Parses a hash in any of the formats.
pub(super) fn read(text: &str) -> Option<Recipe> {
    if text.len() > MAX_TEXT {
        return None;
    }
    let fields: Vec<&str> = text.split('$').collect();
    let recipe = match fields.as_slice() {
        ["", name, fields @ ..] if name.starts_with("argon2") => argon2(name, fields),
        ["", "2a" | "2b" | "2y", cost, rest] => bcrypt(cost, rest, BeforeBcrypt::Password),
        ["bcrypt_sha256", "", "2a" | "2b" | "2y", cost, rest] => bcrypt(cost, rest, BeforeBcrypt::Sha256),
        ["", "scrypt", parameters, salt, hash] => {
            let [log_n, r, p] = named(parameters, ["ln", "r", "p"])?;
            scrypt(ScryptCost { log_n, r, p }, base64(salt)?, base64(hash)?)
        }
        ["", "fbscrypt", parameters, salt, hash] => firebase(parameters, salt, hash),
        ["scrypt", n, salt, r, p, hash] => {
            let cost = ScryptCost { log_n: log2(n)?, r: number(r)?, p: number(p)? };
            scrypt(cost, salt.as_bytes().to_vec(), base64(hash)?)
        }
        ["", name, rounds, salt, hash] => {
            // PHC names the iterations, and may name the output length as well. passlib writes the bare number.
            let named =
                named(rounds, ["i"]).or_else(|| named(rounds, ["i", "l"]).map(|[rounds, _]| [rounds]));
            let iterations = named.map_or_else(|| number(rounds), |[rounds]| Some(rounds))?;
            pbkdf2(name.strip_prefix("pbkdf2")?, iterations, base64(salt)?, base64(hash)?)
        }
        [name, iterations, salt, hash] => {
            let prf = name.strip_prefix("pbkdf2")?;
            pbkdf2(prf, number(iterations)?, salt.as_bytes().to_vec(), base64(hash)?)
        }
        [method, salt, hash] => werkzeug(method, salt, hash),
        [text] => better_auth(text).or_else(|| asp_net(text)),
        _ => None,
    };
    recipe.filter(|recipe| OUTPUT.contains(&recipe.expected.len()))
}

fn argon2(name: &str, fields: &[&str]) -> Option<Recipe> {
    let algorithm = Algorithm::try_from(name).ok()?;
    // Without a version, the hash has the first version of Argon2, 0x10.
    let (version, parameters, salt, hash) = match fields {
        [version, parameters, salt, hash] => {
            let [version] = named(version, ["v"])?;
            (Version::try_from(version).ok()?, parameters, salt, hash)
        }
        [parameters, salt, hash] => (Version::V0x10, parameters, salt, hash),
        _ => return None,
    };
    let [memory, passes, lanes] = named(parameters, ["m", "t", "p"])?;
    let function = Argon2::new(algorithm, version, Params::new(memory, passes, lanes, None).ok()?);
    let salt = base64(salt).filter(|salt| salt.len() >= argon2::MIN_SALT_LEN)?;
    Some(Recipe { function: Function::Argon2(function), salt, expected: base64(hash)? })
}

fn bcrypt(cost: &str, rest: &str, before: BeforeBcrypt) -> Option<Recipe> {
    // The salt is 16 bytes in 22 characters. The last character of the salt and of the hash has unused bits.
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true);
    let bcrypt64 = GeneralPurpose::new(&base64::alphabet::BCRYPT, config);
    let (salt, hash) = rest.split_at_checked(22).filter(|(_, hash)| hash.len() == 31)?;
    let cost = number(cost).filter(|cost| (4..=31).contains(cost))?;
    let (salt, expected) = (bcrypt64.decode(salt).ok()?, bcrypt64.decode(hash).ok()?);
    let is_whole = salt.len() == 16 && expected.len() == BCRYPT_OUTPUT;
    is_whole.then_some(Recipe { function: Function::Bcrypt { cost, before }, salt, expected })
}

/// The cost parameters of scrypt (RFC 7914 §2). N is two to the power of `log_n`.
struct ScryptCost {
    log_n: u32,
    r: u32,
    p: u32,
}

fn scrypt(cost: ScryptCost, salt: Vec<u8>, expected: Vec<u8>) -> Option<Recipe> {
    let params = scrypt::Params::new(u8::try_from(cost.log_n).ok()?, cost.r, cost.p).ok()?;
    Some(Recipe { function: Function::Scrypt(params), salt, expected })
}

/// Parses `v=1,n=14,r=8,p=1,ss=SEPARATOR,sk=SIGNER_KEY`: each hash comes with the project's parameters.
fn firebase(parameters: &str, salt: &str, hash: &str) -> Option<Recipe> {
    let member =
        |name: &str| parameters.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    let (n, r, p) = (number(member("n")?)?, number(member("r")?)?, number(member("p")?)?);
    let params = scrypt::Params::new(u8::try_from(n).ok()?, r, p).ok()?;
    let signer_key = base64(member("sk")?)?;
    let separator = member("ss").map_or(Some(Vec::new()), base64)?;
    let (salt, expected) = ([base64(salt)?, separator].concat(), base64(hash)?);
    let is_whole = signer_key.len() == expected.len() && member("v") == Some("1");
    let function = Function::FirebaseScrypt(params, Secret::new(signer_key));
    is_whole.then_some(Recipe { function, salt, expected })
}

/// `prf` is the text after `pbkdf2`: empty (SHA-1), or such as `-sha256`, `_sha256` and `:sha256`.
fn pbkdf2(prf: &str, iterations: u32, salt: Vec<u8>, expected: Vec<u8>) -> Option<Recipe> {
    let prf = match prf.trim_start_matches(['-', '_', ':']) {
        "" | "sha1" => Prf::HmacSha1,
        "sha256" => Prf::HmacSha256,
        "sha512" => Prf::HmacSha512,
        _ => return None,
    };
    let function = Function::Pbkdf2(prf, NonZeroU32::new(iterations)?);
    Some(Recipe { function, salt, expected })
}

/// Parses `pbkdf2:sha256:600000$SALT$HASH` and `scrypt:32768:8:1$SALT$HASH`, with the hash in hexadecimal
/// digits.
fn werkzeug(method: &str, salt: &str, hash: &str) -> Option<Recipe> {
    let (salt, expected) = (salt.as_bytes().to_vec(), hexadecimal(hash)?);
    match method.split(':').collect::<Vec<_>>().as_slice() {
        ["scrypt", n, r, p] => {
            scrypt(ScryptCost { log_n: log2(n)?, r: number(r)?, p: number(p)? }, salt, expected)
        }
        ["pbkdf2", prf, iterations] => pbkdf2(prf, number(iterations)?, salt, expected),
        _ => None,
    }
}

/// Parses `SALT:HASH` in hexadecimal digits: scrypt with N = 16384, r = 16 and p = 1. The digits themselves
/// are the salt.
fn better_auth(text: &str) -> Option<Recipe> {
    let (salt, hash) = text.split_once(':').filter(|(salt, hash)| (salt.len(), hash.len()) == (32, 128))?;
    hexadecimal(salt)?;
    scrypt(ScryptCost { log_n: 14, r: 16, p: 1 }, salt.as_bytes().to_vec(), hexadecimal(hash)?)
}

/// Parses the bytes of ASP.NET Identity in base64. Version 3 contains its parameters; version 2 has fixed ones.
fn asp_net(text: &str) -> Option<Recipe> {
    let bytes = base64(text)?;
    let number = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    match bytes.first()? {
        0 if bytes.len() == 49 => pbkdf2("sha1", 1000, bytes[1..17].to_vec(), bytes[17..].to_vec()),
        1 => {
            let prf = ["sha1", "sha256", "sha512"].get(usize::try_from(number(1)?).ok()?)?;
            let end_of_salt = usize::try_from(number(9)?).ok()?.checked_add(13)?;
            let salt = bytes.get(13..end_of_salt)?.to_vec();
            pbkdf2(prf, number(5)?, salt, bytes[end_of_salt..].to_vec())
        }
        _ => None,
    }
}

/// The values of `a=1,b=2`, in any order. Each name must appear once, and no other name may appear.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let parts: Vec<_> = text.split(',').map(|part| part.split_once('=')).collect::<Option<_>>()?;
    let find = |name: &str| parts.iter().find(|part| part.0 == name).and_then(|part| number(part.1));
    let values: Vec<u32> = names.into_iter().map(find).collect::<Option<_>>()?;
    values.try_into().ok().filter(|_| parts.len() == N)
}

/// Accepts only digits: `u32::from_str` also accepts a sign.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The exponent of a power of two.
fn log2(text: &str) -> Option<u32> {
    number(text).filter(|number| number.is_power_of_two()).map(u32::ilog2)
}

/// Decodes base64 in the standard alphabet, or in passlib's, which has a dot in place of the plus sign.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace('.', "+")).ok()
}

fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::password::work::{Blocks, Work};

    /// The system, the password and the hash of each line.
    fn vectors() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
        let lines = include_str!("vectors.txt").lines().filter(|line| !line.starts_with('#'));
        lines.map(|line| {
            let (maker, rest) = line.split_once(" | ").unwrap();
            let (password, hash) = rest.split_once(" | ").unwrap();
            (maker, password, hash)
        })
    }

    /// Whether one of the password's forms yields the hash.
    fn fits(recipe: &Recipe, password: &str) -> bool {
        let typed = crate::password::TypedPassword::parse(&Secret::new(password.to_owned())).unwrap();
        typed.forms().any(|form| recipe.fits(form.as_bytes(), &mut Blocks::default()))
    }

    // E1, E6
    #[test]
    fn a_hash_of_each_system_matches_only_its_password() {
        for (maker, password, hash) in vectors() {
            let recipe = read(without_django_name(hash)).unwrap_or_else(|| panic!("{maker}: {hash}"));
            assert!(fits(&recipe, password), "{maker}");
            let (start, _) = password.split_at(password.len() - 1);
            let other = if password.len() > 72 { &password[..71] } else { start };
            assert!(!fits(&recipe, other), "{maker}");
            assert_ne!(recipe.work(), Work::default(), "{maker}");
        }
    }

    // E1
    #[test]
    fn bcrypt_reads_only_the_first_72_bytes() {
        let (_, password, hash) = vectors().find(|vector| vector.0.ends_with("100 bytes")).unwrap();
        let recipe = read(hash).unwrap();
        assert!(fits(&recipe, &password[..72]));
        assert!(!fits(&recipe, &password[..71]));
    }

    #[test]
    fn a_text_that_is_not_a_hash_is_rejected() {
        for (maker, _, hash) in vectors() {
            for end in 0..hash.len() {
                // A shortened hash may be valid, but never so short that a password could match by chance.
                if let Some(recipe) = read(&hash[..end]) {
                    assert!(recipe.expected.len() >= 16, "{maker}: {}", &hash[..end]);
                }
            }
        }
        for text in [
            "",
            "password",
            "$",
            "$$$$$",
            "$2x$05$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi",
            "$2b$32$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi",
            "$2b$5$K1IYNytkzqNgtNYJBV/qQuMwh1td4CTfoCEWcGHeXVEbGvO7mJTyi1",
            "$1$salt$qJH7.N4xYta3aEG/dfqo/0",
            "$argon2id$v=19$m=64,t=1,p=2,x=1$c29tZXNhbHRzb21lc2FsdA$BcPDBsBJKtNjoq7kE2jD00S5Nh34Et4rvEigS5sDLfQ",
            "$argon2id$v=20$m=64,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$BcPDBsBJKtNjoq7kE2jD00S5Nh34Et4rvEigS5sDLfQ",
            "pbkdf2_sha256$0$salt$qHeML+asA16ump7qyYQ/VXA3isvVHTQdaY33m4wzigc=",
            "pbkdf2_md5$1000$salt$qHeML+asA16ump7qyYQ/VXA3isvVHTQdaY33m4wzigc=",
            "5f4dcc3b5aa765d61d8327deb882cf99",
        ] {
            assert!(read(text).is_none(), "{text}");
        }
    }
}
