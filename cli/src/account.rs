//! `madang account …`

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use madang_api::{Code, Error, account};
use madang_node::{
    Clock as _, SystemClock,
    home::{self, NewAccount, Phrase},
};
use serde_json::json;

use crate::{
    args,
    attach::Attached,
    failure::Failure,
    output::Output,
    secret,
    table::Text,
    words::{
        keys::Key,
        notices::{self, Notice},
    },
};

/// Words of a phrase on one line.
const WORDS_PER_LINE: usize = 6;

pub(crate) fn create(
    home: &Path,
    out: Output,
    create: args::Create,
    given: &secret::Given,
) -> Result<(), Failure> {
    // Everything that can be refused is refused before a file for the phrase is made.
    home::check_empty(home).map_err(Error::from)?;
    let passphrase = given.for_new()?;
    let written = create.phrase_out.as_deref().map(NewFile::make).transpose()?;
    let held = home::hold(home).map_err(Error::from)?;
    let keep = |phrase: &Phrase| match &written {
        Some(file) => file.write(phrase),
        None => Ok(()),
    };
    let new = NewAccount {
        name: &create.name,
        machine: &home::machine_name(),
        passphrase,
        now_ms: SystemClock::default().wall_ms(),
    };
    let created = home::create(&held, new, keep).map_err(Error::from)?;
    if let Some(file) = written {
        file.keep();
    } else {
        // Standard output belongs to the data; with --json a script reads it.
        out.notice(&format!("{}\n", Notice::PhraseShown.say(out.language)));
        out.notice(&lines(&created.phrase));
    }
    if created.key_in_file {
        out.notice(&notices::key_in_file(out.language, &held.paths().key()));
    }
    let answer = json!({
        "account": created.account.to_string(),
        "device": created.device.to_string(),
        "name": created.name,
    });
    out.value(&answer, |_| {
        Text::Fields(vec![
            (Key::Account, created.account.to_string()),
            (Key::Device, created.device.to_string()),
            (Key::Name, created.name.clone()),
        ])
    })?;
    if !out.json {
        out.notice(Notice::RunNext.say(out.language));
    }
    Ok(())
}

/// Checks the phrase. More than that comes in a later version, and is not pretended here.
pub(crate) fn restore(home: &Path, restore: &args::Restore) -> Result<(), Failure> {
    let phrase = secret::from_file(&restore.phrase.phrase_file, "recovery phrase")?;
    match home::restore(home, &phrase, &restore.name, restore.relay.as_deref()).map_err(Error::from) {
        Ok(never) => match never {},
        Err(error) => Err(not_restored(error)),
    }
}

/// A right phrase ends where a relay would have to be asked.
fn not_restored(error: Error) -> Failure {
    match error.code {
        Code::Offline => Failure::worded(Code::Offline, Notice::RestoreLater),
        _ => error.into(),
    }
}

pub(crate) async fn show(node: &Attached, out: Output) -> Result<(), Failure> {
    let answer = node.call("account_show", &json!({})).await?;
    out.answer(&answer, |account: account::Account| {
        let mut fields =
            vec![(Key::Name, account.name), (Key::Account, account.account), (Key::Device, account.device)];
        fields.extend(account.relays.into_iter().map(|relay| (Key::Relay, relay)));
        Text::Fields(fields)
    })
}

fn lines(phrase: &Phrase) -> String {
    let words: Vec<String> =
        phrase.words().enumerate().map(|(index, word)| format!("{:2} {word:10}", index + 1)).collect();
    words.chunks(WORDS_PER_LINE).map(|line| format!("  {}\n", line.join(" ").trim_end())).collect()
}

/// A file that did not exist before and goes again unless it is kept.
struct NewFile<'a> {
    path: &'a Path,
    file: File,
    kept: bool,
}

impl<'a> NewFile<'a> {
    fn make(path: &'a Path) -> Result<Self, Error> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::new(Code::Usage, format!("{} exists already; name a new file", path.display()))
                    .because("file")
            }
            _ => Error::new(Code::Usage, format!("Cannot make {}: {error}", path.display())).because("file"),
        })?;
        Ok(Self { path, file, kept: false })
    }

    fn write(&self, phrase: &Phrase) -> io::Result<()> {
        let words: Vec<&str> = phrase.words().collect();
        let mut text = zeroize::Zeroizing::new(words.join(" "));
        text.push('\n');
        (&self.file).write_all(text.as_bytes())?;
        self.file.sync_all()
    }

    fn keep(mut self) {
        self.kept = true;
    }
}

impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if !self.kept {
            // The failure that leads here is the one worth telling.
            drop(fs::remove_file(self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_phrase_is_not_told_that_the_network_is_to_blame() {
        let failure = not_restored(Error::new(Code::Offline, "Name that relay with --relay"));
        assert_eq!(failure.exit_code(), 5);
        let Failure::Worded(error, Notice::RestoreLater) = failure else { panic!("{failure:?}") };
        assert_eq!(error.message, Notice::RestoreLater.say(crate::words::Language::English));
    }

    #[test]
    fn a_wrong_phrase_is_told_what_is_wrong() {
        let failure = not_restored(Error::new(Code::WrongSecret, "word 1 is not in the list"));
        let Failure::Api(error) = &failure else { panic!("{failure:?}") };
        assert_eq!((failure.exit_code(), error.message.as_str()), (1, "word 1 is not in the list"));
    }
}
