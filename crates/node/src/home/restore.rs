//! Bringing an account back from its recovery phrase (protocol section 1.4), as far as it goes without a network.

use std::path::Path;

use madang_crypto::Phrase;

use super::{Error, create, has_account};

/// Checks the home, the name and the phrase. The account itself lies sealed on a relay.
///
/// # Errors
/// [`Error::Exists`] when the home has an account, [`Error::Name`], [`Error::Phrase`] naming the wrong word, the
/// wrong number of words or a wrong checksum, and [`Error::Offline`] because no relay was asked.
pub fn restore(
    dir: &Path,
    phrase: &str,
    name: &str,
    relay: Option<&str>,
) -> Result<std::convert::Infallible, Error> {
    if has_account(dir)? {
        return Err(Error::Exists);
    }
    create::check_name(name)?;
    Phrase::parse(phrase).map_err(Error::Phrase)?;
    Err(Error::Offline(match relay {
        None => "The account lies sealed on its relay. Name that relay with --relay",
        Some(_) => "The phrase is right, but this version cannot ask a relay for the account",
    }))
}
