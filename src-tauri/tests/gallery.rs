//! Every view of the page in the engine of the desktop: none throws, none logs an error, none has a serious finding of
//! axe-core, and of each there is a picture. The node behind the page is the one in memory, with seeded data.
//!
//! `cargo xtask gallery` writes the pictures to `docs/screenshots/gallery`; else they go to `artifacts/gallery`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::{env, fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use madang_testkit::{Browser, Screen, webdriver::Window};
use serde_json::Value;

/// How long a view may take to come to rest.
const REST: Duration = Duration::from_millis(350);
const WIDE: (u32, u32) = (1200, 800);
const NARROW: (u32, u32) = (480, 800);

/// What a person does to come to a view.
enum Step {
    /// Clicks the first element with this test id.
    Click(&'static str),
    /// Types where the focus is: the Korean text on the Korean page, the English one on the English.
    Type(&'static str, &'static str),
    /// Waits for an element with this test id.
    See(&'static str),
}

use Step::{Click, See, Type};

struct View {
    name: &'static str,
    /// The seeded data; empty for the usual people and rooms.
    scene: &'static str,
    /// The rest of the address: more words of the query, then what stands behind `#`.
    query: &'static str,
    place: &'static str,
    size: (u32, u32),
    steps: &'static [Step],
}

const fn view(name: &'static str, place: &'static str, steps: &'static [Step]) -> View {
    View { name, scene: "", query: "", place, size: WIDE, steps }
}

const VIEWS: &[View] = &[
    View { scene: "fresh", ..view("onboarding-name", "", &[See("onboarding-name")]) },
    View {
        scene: "fresh",
        ..view(
            "onboarding-phrase",
            "",
            &[
                See("onboarding-name"),
                Type("이서연", "Seoyeon"),
                Click("onboarding-next"),
                See("phrase-word"),
            ],
        )
    },
    View {
        scene: "fresh",
        ..view(
            "onboarding-invite",
            "",
            &[
                See("onboarding-name"),
                Type("이서연", "Seoyeon"),
                Click("onboarding-next"),
                Click("phrase-skip"),
                Click("invite-create"),
                See("invite-link"),
            ],
        )
    },
    View { scene: "locked", ..view("locked", "", &[See("unlock")]) },
    View { query: "&fail=home_state:damaged", ..view("fatal", "", &[See("fatal")]) },
    view("friends", "#/friends/mina", &[See("profile")]),
    view("friends-filter", "#/friends", &[Click("friends-find"), Type("ㄱㅊ", "kim")]),
    view("friends-add", "#/friends", &[Click("friends-add"), See("add-dialog")]),
    view(
        "friends-invite",
        "#/friends",
        &[Click("friends-invite"), Click("invite-create"), See("invite-link")],
    ),
    view("rooms", "#/rooms", &[See("room-row")]),
    view("room", "#/rooms/trip", &[See("message")]),
    view("room-long", "#/rooms/reading", &[See("message")]),
    view("room-menu", "#/rooms/trip", &[See("message"), Click("message-more"), See("message-menu")]),
    view("room-emoji", "#/rooms/trip", &[See("message"), Click("composer-emoji"), See("emoji")]),
    view(
        "room-search",
        "#/rooms/trip",
        &[See("message"), Click("room-search"), Type("토요일", "the"), See("here-count")],
    ),
    view("room-members", "#/rooms/trip", &[See("message"), Click("room-members"), See("member-row")]),
    view("message-info", "#/rooms/trip", &[Click("message-state"), See("message-device")]),
    view("message-gap", "#/rooms/trip", &[See("message"), Click("gap-why")]),
    view("message-link", "#/rooms/trip", &[Click("message-link"), See("link-dialog")]),
    view("search", "#/rooms/trip", &[See("message"), Click("rooms-search-all"), See("finder-room")]),
    view(
        "search-hits",
        "#/rooms/trip",
        &[See("message"), Click("rooms-search-all"), Type("토요일", "the"), See("finder-around")],
    ),
    view("search-nothing", "#/rooms", &[Click("rooms-search-all"), Type("없는말", "zebra")]),
    view("settings-display", "#/settings/display", &[See("scale")]),
    view("settings-notices", "#/settings/notices", &[See("notices-privacy")]),
    view("room-mute", "#/rooms/trip", &[See("message"), Click("room-mute"), See("mute-dialog")]),
    view(
        "room-muted",
        "#/rooms/trip",
        &[See("message"), Click("room-mute"), Click("mute-always"), See("room-row")],
    ),
    view("settings-connection", "#/settings/connection", &[See("network-check")]),
    view("settings-relays", "#/settings/relays", &[See("relay-row")]),
    view("settings-shortcuts", "#/settings/shortcuts", &[]),
    view("settings-about", "#/settings/about", &[See("version")]),
    View { scene: "offline", ..view("offline", "#/rooms/r-mina", &[See("banner")]) },
    View { scene: "offline", ..view("offline-connection", "#/settings/connection", &[See("network-check")]) },
    View { scene: "clock", ..view("clock", "#/settings/connection", &[See("network-check")]) },
    View { size: NARROW, ..view("narrow-rooms", "#/rooms", &[See("room-row")]) },
    View { size: NARROW, ..view("narrow-room", "#/rooms/trip", &[See("message")]) },
    View { size: NARROW, ..view("narrow-friends", "#/friends", &[See("friend-row")]) },
    View {
        size: NARROW,
        ..view("narrow-search", "#/rooms", &[Click("rooms-search-all"), Type("토요일", "the")])
    },
    View { query: "&scale=200", ..view("large-room", "#/rooms/trip", &[See("message")]) },
    View { query: "&scale=200", ..view("large-friends", "#/friends/mina", &[See("profile")]) },
    View { query: "&scale=200", ..view("large-settings", "#/settings/connection", &[See("network-check")]) },
];

fn named(variable: &str) -> Result<PathBuf> {
    let path = env::var_os(variable)
        .with_context(|| format!("{variable} is not set; `cargo xtask gallery` sets it"))?;
    Ok(PathBuf::from(path))
}

fn folder() -> PathBuf {
    let usual = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../artifacts/gallery"));
    env::var_os("MADANG_GALLERY").map_or_else(usual, PathBuf::from)
}

fn take(window: &Window, view: &View, korean: bool) -> Result<()> {
    for step in view.steps {
        match step {
            Click(id) => window.click_on(id)?,
            See(id) => drop(window.wait(id)?),
            Type(ko, en) => window.keys(if korean { ko } else { en })?,
        }
    }
    std::thread::sleep(REST);
    Ok(())
}

/// What axe-core finds serious or worse.
fn findings(window: &Window, axe: &str) -> Result<Vec<String>> {
    window.run(axe)?;
    let found = window.run_async(
        "const done = arguments[arguments.length - 1];
         const bad = (each) => each.impact === 'serious' || each.impact === 'critical';
         const told = (each) => `${each.id}: ${each.nodes.map((node) => `${node.target.join(' ')} (${node.failureSummary})`).join(', ')}`;
         axe.run(document, { resultTypes: ['violations'] }).then(
           (result) => done(result.violations.filter(bad).map(told)), (error) => done([`axe: ${error}`]))",
    )?;
    texts(&found)
}

fn texts(list: &Value) -> Result<Vec<String>> {
    let list = list.as_array().context("not a list")?;
    Ok(list.iter().map(|each| each.as_str().unwrap_or_default().to_owned()).collect())
}

/// Looks at every view in one language and theme; says all that is wrong, not the first alone.
fn look(language: &str, theme: &str) -> Result<()> {
    let page = named("MADANG_PAGE_DIR")?;
    let axe = fs::read_to_string(named("MADANG_AXE")?).context("axe-core is not installed")?;
    let screen = Screen::start()?;
    let browser = Browser::open(&screen, &page)?;
    let window = browser.window();
    let mut wrong = Vec::new();
    for view in VIEWS {
        let seen = show(&browser, view, language, theme, &axe);
        let picture = folder().join(format!("{}-{language}-{theme}.png", view.name));
        window.picture(&picture)?;
        match seen {
            Ok(found) => wrong.extend(found.into_iter().map(|each| format!("{}: {each}", view.name))),
            Err(error) => wrong.push(format!("{}: {error:#}", view.name)),
        }
    }
    ensure!(wrong.is_empty(), "{} findings in {language}, {theme}:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

fn show(browser: &Browser, view: &View, language: &str, theme: &str, axe: &str) -> Result<Vec<String>> {
    let window = browser.window();
    window.resize(view.size.0, view.size.1)?;
    let scene = format!("{}-{language}", if view.scene.is_empty() { "home" } else { view.scene });
    let (query, place) = (view.query, view.place);
    browser.go(&format!(
        "?host=fake&scene={scene}&system={language}&language={language}&theme={theme}{query}{place}"
    ))?;
    take(window, view, language == "ko")?;
    let mut found = texts(&window.run("return window.pageErrors")?)?;
    let wide = window.run("return document.documentElement.scrollWidth > innerWidth")?;
    if wide == true {
        found.push("wider than the window".to_owned());
    }
    found.extend(findings(window, axe)?);
    Ok(found)
}

#[test]
fn korean_light() {
    look("ko", "light").unwrap();
}

#[test]
fn korean_dark() {
    look("ko", "dark").unwrap();
}

#[test]
fn english_light() {
    look("en", "light").unwrap();
}

#[test]
fn english_dark() {
    look("en", "dark").unwrap();
}

#[test]
fn pictures_have_names_of_their_own() {
    let mut names: Vec<_> = VIEWS.iter().map(|view| view.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), VIEWS.len());
}
