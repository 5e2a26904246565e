//! Help in Korean, laid over the one definition of a command line. In English the definition says it itself.

use clap::{Arg, Command};

use crate::Language;

/// What clap writes between the parts of a help text.
const TEMPLATE: &str = "{before-help}{about-with-newline}\n사용법: {usage}\n\n{all-args}{after-help}";

/// The Korean words of a program.
#[derive(Debug, Clone, Copy)]
pub struct Words {
    /// By place: a command by its path, an option behind `@`, the longer words for a command behind `#`.
    pub lines: &'static [(&'static str, &'static str)],
    /// What stands for the lines from `Exit codes:` on in the text before the help.
    pub exit_codes: &'static str,
}

/// A command line in a language.
#[must_use]
pub fn command(definition: Command, language: Language, words: Words) -> Command {
    match language {
        Language::English => definition,
        Language::Korean => {
            let mut command = definition;
            // The options of every command and the help of each are laid out first.
            command.build();
            words.laid_over(command, "")
        }
    }
}

impl Words {
    fn laid_over(self, mut command: Command, path: &str) -> Command {
        let about = self.line(path);
        if let Some(long) = self.line(&format!("{path} #")) {
            command = command.long_about(format!("{}\n\n{long}", about.unwrap_or_default()));
        }
        if let Some(about) = about {
            command = command.about(about);
        }
        if let Some(before) = command.get_before_help().map(ToString::to_string) {
            command = command.before_help(self.examples(&before));
        }
        command = command
            .help_template(TEMPLATE)
            .subcommand_help_heading("명령")
            .subcommand_value_name("명령")
            .mut_args(|argument| self.worded(argument, path));
        let shown = command.render_usage().to_string();
        command = command.override_usage(usage(&shown));
        let names: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
        for name in names {
            // Below `help` stand the other commands once more.
            let above = path.strip_suffix("help").unwrap_or(path).trim_end();
            let below = format!("{above} {name}");
            command = command.mut_subcommand(name, |verb| self.laid_over(verb, below.trim_start()));
        }
        command
    }

    fn worded(self, argument: Arg, path: &str) -> Arg {
        let id = argument.get_id().as_str().to_owned();
        let heading = if argument.is_positional() { "인수" } else { "옵션" };
        // What belongs to every command stands at the top.
        let words = self.line(&format!("{path} @{id}")).or_else(|| self.line(&format!("@{id}")));
        let argument =
            argument.help_heading(heading).hide_possible_values(true).hide_default_value(true).hide_env(true);
        match words {
            Some(words) => argument.help(words).long_help(None::<&str>),
            None => argument,
        }
    }

    fn examples(self, english: &str) -> String {
        let shown = english.replacen("Examples:", "예:", 1).replacen("Example:", "예:", 1);
        match shown.split_once("Exit codes:") {
            Some((examples, _)) => format!("{examples}{}", self.exit_codes),
            None => shown,
        }
    }

    /// The words for a place.
    #[must_use]
    pub fn line(self, place: &str) -> Option<&'static str> {
        // Each command that has others below it has a `help` of its own.
        let place = if place.ends_with(" help") { "help" } else { place.trim_start() };
        self.lines.iter().find(|(known, _)| *known == place).map(|(_, words)| *words)
    }
}

/// What clap says of the use of a command, without its English words.
pub(crate) fn usage(english: &str) -> String {
    let bare = english.trim_start_matches("Usage:").trim_start_matches("사용법:").trim();
    bare.replace("[OPTIONS]", "[옵션]").replace("[COMMAND]", "[명령]").replace("<COMMAND>", "<명령>")
}
