//! What the shipped window may load and call: the policy and the capabilities as they are built into the program.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tauri::{
    Url,
    ipc::Origin,
    utils::config::{CspDirectiveSources, DisabledCspModificationKind},
};

use crate::{shell::context, window::MAIN};

include!("../commands.rs");

/// Where our page may ask its own program: the scheme of calls, and the address that stands for it on Windows.
const CALLS: [&str; 2] = ["ipc:", "http://ipc.localhost"];

/// The policy as it is built in, by directive.
fn policy() -> BTreeMap<String, BTreeSet<String>> {
    let context = context();
    let policy = context.config().app.security.csp.clone().unwrap();
    let directives: std::collections::HashMap<String, CspDirectiveSources> = policy.into();
    directives.into_iter().map(|(name, sources)| (name, Vec::from(sources).into_iter().collect())).collect()
}

fn sources(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|source| (*source).to_owned()).collect()
}

#[test]
fn the_page_runs_its_own_scripts_and_styles_only() {
    let policy = policy();
    assert_eq!(policy["default-src"], sources(&["'none'"]));
    for own in ["script-src", "style-src", "font-src"] {
        assert_eq!(policy[own], sources(&["'self'"]), "{own}");
    }
    for never in ["base-uri", "form-action", "object-src", "frame-ancestors"] {
        assert_eq!(policy[never], sources(&["'none'"]), "{never}");
    }
    let unsafe_ones: Vec<_> = policy.values().flatten().filter(|source| source.contains("unsafe")).collect();
    assert!(unsafe_ones.is_empty(), "{unsafe_ones:?}");
}

#[test]
fn the_page_loads_nothing_from_elsewhere_and_over_no_scheme_that_is_not_there() {
    let policy = policy();
    assert_eq!(policy["connect-src"], sources(&CALLS));
    for (directive, listed) in &policy {
        for source in
            listed.iter().filter(|source| directive != "connect-src" || !CALLS.contains(&source.as_str()))
        {
            // `blob:` is what the page itself has made; every other scheme needs a handler in this program.
            assert!(["'none'", "'self'", "blob:"].contains(&source.as_str()), "{directive} {source}");
        }
    }
}

#[test]
fn nothing_weakens_the_policy_behind_its_back() {
    let context = context();
    let app = &context.config().app;
    assert!(!app.with_global_tauri);
    assert!(app.security.freeze_prototype);
    assert!(!app.security.asset_protocol.enable);
    let untouched = &app.security.dangerous_disable_asset_csp_modification;
    assert!(matches!(untouched, DisabledCspModificationKind::Flag(false)), "{untouched:?}");
    // A policy for development would be used by debug builds.
    assert!(app.security.dev_csp.is_none());
    // Windows are opened by the shell, which says where they may go.
    assert!(app.windows.is_empty());
}

#[test]
fn there_is_one_capability_and_it_grants_the_commands_of_the_shell_alone() {
    let listed: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/capabilities"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(listed, ["main.json"]);
    let capability: Value = serde_json::from_str(include_str!("../capabilities/main.json")).unwrap();
    let wanted: Vec<String> =
        COMMANDS.iter().map(|name| format!("allow-{}", name.replace('_', "-"))).collect();
    assert_eq!(capability["permissions"], serde_json::json!(wanted));
    assert_eq!(capability["windows"], serde_json::json!([MAIN]));
    assert!(capability.get("webviews").is_none() && capability.get("remote").is_none(), "{capability}");
}

/// Whether a window may call a command, as the program itself decides it.
fn may(command: &str, window: &str, origin: &Origin) -> bool {
    context().runtime_authority_mut().resolve_access(command, window, window, origin).is_some()
}

#[test]
fn the_main_window_may_call_what_is_granted_and_nothing_else() {
    for command in COMMANDS {
        assert!(may(command, MAIN, &Origin::Local), "{command}");
    }
    let refused = [
        "plugin:opener|open_url",
        "plugin:opener|open_path",
        "plugin:deep-link|get_current",
        "plugin:deep-link|register",
        "plugin:window-state|save_window_state",
        "plugin:event|emit",
        "plugin:event|listen",
        "plugin:window|set_title",
        "plugin:window|close",
        "plugin:webview|create_webview_window",
        "plugin:app|version",
        "plugin:path|resolve_directory",
        "plugin:resources|close",
        "plugin:image|from_path",
        "started_again",
        "no_such_command",
    ];
    for command in refused {
        assert!(!may(command, MAIN, &Origin::Local), "{command}");
    }
}

#[test]
fn no_other_window_and_no_foreign_page_may_call_anything() {
    let foreign = Origin::Remote { url: Url::parse("https://madang.example").unwrap() };
    for command in COMMANDS {
        assert!(!may(command, "viewer", &Origin::Local), "{command}");
        assert!(!may(command, MAIN, &foreign), "{command}");
    }
}
