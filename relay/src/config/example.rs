//! The commented example file.
//!
//! Owns its layout only. Invariant: it is a valid file and sets nothing but defaults.

use std::fmt::Write as _;

use super::load::defaults;
use super::table::SECTIONS;

const HEAD: &str = "\
# Configuration of madang-relay. Generated from the documentation of the options; every value is the default.
# Each option can be set in this file, by an environment variable RELAY__SECTION__KEY, and some by a flag; the
# later of these wins. An unknown key is an error.
";

/// The example file, with every option at its default and commented out.
pub fn example() -> String {
    let defaults = defaults();
    let mut out = HEAD.to_owned();
    for section in SECTIONS {
        out.push('\n');
        comment(&mut out, section.doc);
        // Writing to a string cannot fail.
        let _ = writeln!(out, "[{}]", section.name);
        for option in section.options {
            let value = defaults.get(section.name).and_then(|table| table.get(option.key));
            out.push('\n');
            comment(&mut out, option.doc);
            let shown = value.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(out, "#{} = {shown}", option.key);
        }
    }
    out
}

fn comment(out: &mut String, lines: &[&str]) {
    for line in lines {
        let _ = writeln!(out, "#{line}");
    }
}
